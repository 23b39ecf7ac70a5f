# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
#
# What Python needs in order to find ROS 2, our messages and our modules. Source it with bash, or
# run one command in it: scripts/run COMMAND. `make setup` must have been done.

_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
_venv="$_root/.venv"
_install="$_root/install/warmstart_planner"

# Put folders that exist in front of a variable, unless they are in it.
_prepend() {
    local name="$1" folder
    shift
    for folder in "$@"; do
        case ":${!name-}:" in
            *":$folder:"*) ;;
            *) [ -d "$folder" ] && export "$name=$folder${!name:+:${!name}}" ;;
        esac
    done
    return 0
}

_prepend PATH "$_venv/bin"
if [ ! -e "$_venv/.sourced_ros" ]; then
    _prepend AMENT_PREFIX_PATH "$_venv"
    _prepend LD_LIBRARY_PATH "$_venv"/lib/python3*/site-packages/ros_*.libs "$_venv/lib"
    export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
    # The wheels would start every Python twice in order to set LD_LIBRARY_PATH.
    export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
fi
_prepend AMENT_PREFIX_PATH "$_install"
_prepend LD_LIBRARY_PATH "$_install/lib"
_prepend PYTHONPATH "$_install"/lib/python3*/site-packages \
    "$_install"/local/lib/python3*/dist-packages
# In front of the install space: the source is what runs, only the messages come from there.
_prepend PYTHONPATH "$_root"

# Images of containers often tell Python to keep no compiled modules. It would compile all that it
# imports at every start of a node or a command, for seconds: wheels are installed uncompiled.
unset PYTHONDONTWRITEBYTECODE

unset -f _prepend
unset _root _venv _install
