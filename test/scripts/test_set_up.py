# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What `make setup` and the packaging promise."""

import fcntl
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import venv
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pip
import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE_ROS = ROOT / 'requirements' / 'rosdep.txt'
PINS = sorted({*(ROOT / 'requirements').glob('*.txt')} - {BESIDE_ROS})
MESSAGES = sorted((ROOT / 'msg').glob('*.msg'))


def without_comments(path):
    lines = (line.split('#')[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def load_set_up(folder):
    """Load a copy of the set-up script that takes the folder for the project."""
    script = folder / 'scripts' / 'set_up.py'
    script.parent.mkdir()
    shutil.copy(ROOT / 'scripts' / 'set_up.py', script)
    spec = importlib.util.spec_from_file_location('set_up', script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder, name, files, *headers):
    """Write a package, named with its version, as pip takes it; return the archive."""
    about = f'{name}.dist-info'
    headers = ('Metadata-Version: 2.1', 'Name: {}\nVersion: {}'.format(*name.split('-')), *headers)
    path = folder / f'{name}-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f'{about}/METADATA', '\n'.join(headers))
        archive.writestr(f'{about}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\n')
        archive.writestr(f'{about}/RECORD', '\n'.join(f'{file},,' for file in files))
    return zipfile.ZipFile(path)


@pytest.fixture
def set_up(tmp_path):
    module = load_set_up(tmp_path)
    venv.create(module.VENV)
    return module


class TestRequirements:
    @pytest.mark.parametrize('path', PINS, ids=lambda path: path.name)
    def test_every_requirement_is_pinned(self, path):
        pinned = re.compile(r"[a-z0-9-]+==[\w.]+(; python_version (<|>=) '3\.\d+')?")
        assert [line for line in without_comments(path) if not pinned.fullmatch(line)] == []

    def test_what_is_installed_beside_a_sourced_ros_has_the_same_pins(self):
        constraint, *names = without_comments(BESIDE_ROS)
        assert constraint == '-c runtime.txt'
        pins = without_comments(ROOT / 'requirements' / 'runtime.txt')
        assert set(names) <= {pin.split('==')[0] for pin in pins}

    def test_acados_and_casadi_are_installed_by_one_command(self):
        lines = without_comments(ROOT / 'requirements' / 'runtime.txt')
        names = [line.split('==')[0] for line in lines]
        assert {'comma-deps-acados', 'casadi'} <= set(names)

    def test_the_pins_satisfy_what_pip_install_asks_for(self):
        asked = re.findall(r"'([a-z-]+)>=([\d.]+)", (ROOT / 'setup.py').read_text())
        lines = [line for path in PINS for line in without_comments(path)]
        for name, least in asked:
            pins = [re.match(rf'{name}==([\d.]+)', line) for line in lines]
            versions = [as_tuple(pin[1]) for pin in pins if pin]
            assert versions, f'{name} is pinned nowhere'
            assert min(versions) >= as_tuple(least), name

    def test_of_the_files_installed_together_one_pins_a_package_for_a_python(self):
        """Of ros.txt and sourced_ros.txt one is installed; others have their own places."""
        for version in (10, 11, 12, 13):
            owners = {}
            for path in PINS:
                if not re.match('sourced_ros|validation|judge|peer|ubuntu', path.name):
                    for name in pinned_for(version, path):
                        owners.setdefault(name, []).append(path.name)
            assert {name: files for name, files in owners.items() if len(files) > 1} == {}

    def test_what_only_training_imports_is_not_installed_on_a_vehicle(self):
        heavy = {'torch', 'dask', 'distributed', 'pyarrow', 'minari', 'tensorboard'}
        pins = {
            path.name: {line.split('==')[0] for line in without_comments(path)} for path in PINS
        }
        assert heavy <= pins['training.txt']
        for name in ('runtime.txt', 'ros.txt', 'sourced_ros.txt', 'build.txt'):
            assert not heavy & pins[name]


def pinned_for(minor, path):
    """Return the names that a file pins for Python 3.minor, each as often as it does."""
    names = []
    for line in without_comments(path):
        name = line.split('==')[0]
        marker = re.search(r"python_version (<|>=) '3\.(\d+)'", line)
        if not marker or (minor < int(marker[2])) == (marker[1] == '<'):
            names.append(name)
    return names


def as_tuple(version):
    return tuple(int(number) for number in version.strip('.').split('.'))


class TestPackage:
    def test_the_version_is_the_same_everywhere(self):
        manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
        assert f"version='{manifest.findtext('version')}'" in (ROOT / 'setup.py').read_text()

    def test_the_solvers_can_be_generated_by_ros2_run(self, tmp_path):
        cmake = (ROOT / 'CMakeLists.txt').read_text()
        program = r'install\(PROGRAMS \S+/generate DESTINATION lib/\$\{PROJECT_NAME\}\)'
        assert re.search(program, cmake)
        script = tmp_path / 'generate'
        shutil.copy(ROOT / 'scripts' / 'generate.in', script)
        template = script.read_text()
        script.write_text(template.replace('@Python3_EXECUTABLE@', sys.executable))
        done = subprocess.run(
            [script, '--vehicle', 'tank'],
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (2, '')
        assert "vehicle is 'tank': expected one of commonroad_1" in done.stderr

    def test_every_message_package_that_messages_use_is_a_dependency(self):
        text = '\n'.join(path.read_text() for path in MESSAGES)
        used = set(re.findall(r'^(\w+)/\w+', text, re.MULTILINE))
        manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
        declared = {node.text for node in manifest.iter('depend')}
        cmake = re.search(r'DEPENDENCIES ([\w ]+)', (ROOT / 'CMakeLists.txt').read_text())[1]
        assert used == declared == set(cmake.split())

    def test_every_ros_package_that_the_nodes_import_is_a_dependency(self):
        nodes = (ROOT / 'warmstart_planner' / 'nodes').rglob('*.py')
        text = '\n'.join(path.read_text() for path in nodes)
        imported = set(re.findall(r'^\s*(?:from|import) (\w+_msgs|rclpy|launch\w*)', text, re.M))
        manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
        declared = {node.text for node in manifest if node.tag in ('depend', 'exec_depend')}
        assert imported - declared == set()

    def test_all_that_is_needed_at_run_time_comes_by_rosdep_or_before_it_by_pip(self):
        text = (ROOT / 'requirements' / 'runtime.txt').read_text().split('# Brought in')[0]
        needed = set(re.findall(r'^([a-z-]+)==', text, re.M))
        manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
        keys = {node.text for node in manifest.iter('exec_depend')}
        debian = {'pillow': 'pil', 'pyyaml': 'yaml'}
        by_rosdep = {name for name in needed if f'python3-{debian.get(name, name)}' in keys}
        by_pip = {'casadi', *without_comments(BESIDE_ROS)}
        assert needed - by_rosdep - by_pip == set()
        from_pip = {
            key.removeprefix('python3-').removesuffix('-pip') for key in keys if '-pip' in key
        }
        assert from_pip - by_pip == set(), "rosdep's pip would replace the system's numpy"

    def test_every_source_file_begins_with_copyright_and_licence(self):
        """What ament_copyright looks for are whole texts of licences."""
        kinds = {'.bash', '.c', '.h', '.in', '.msg', '.py', '.txt'}
        folders = 'launch msg requirements scripts test training warmstart_planner'.split()
        files = [file for name in folders for file in (ROOT / name).rglob('*')]
        sources = [file for file in files if file.suffix in kinds]
        assert len(sources) > 300
        others = 'CMakeLists.txt Makefile ament_flake8.ini package.xml pyproject.toml setup.py'
        sources += [ROOT / name for name in others.split()]
        begin = {file: file.read_text(encoding='utf-8')[:400] for file in sources}
        lines = (
            'Copyright 2026 The warmstart_planner authors',
            'SPDX-License-Identifier: Apache-2.0',
        )
        lacking = [file for file in sources if not all(line in begin[file] for line in lines)]
        assert lacking == []


class TestMessages:
    @pytest.mark.parametrize('path', MESSAGES, ids=lambda path: path.stem)
    def test_every_field_says_what_it_is(self, path):
        fields = [line for line in path.read_text().splitlines() if re.match(r'[a-zA-Z]', line)]
        assert fields
        assert [line for line in fields if '# ' not in line] == []

    @pytest.mark.parametrize('path', MESSAGES, ids=lambda path: path.stem)
    def test_every_number_has_a_unit(self, path):
        counts = ('steps', 'count', 'candidates', 'type', 'rung')
        for line in path.read_text().splitlines():
            number = re.match(r'(float|uint)\d+(\[\d*\])? (\w+) ', line)
            if number and number[3] not in counts:
                assert re.search(r'\[\S+\]|\[m/s', line.split('#')[1]), line

    @pytest.mark.parametrize('path', MESSAGES, ids=lambda path: path.stem)
    def test_the_built_message_is_the_one_in_the_source(self, path):
        messages = pytest.importorskip(
            'warmstart_planner.msg', reason='messages are not built: make setup'
        )
        built = getattr(messages, path.stem).get_fields_and_field_types()
        fields = re.findall(r'^[\w/\[\]]+ +(\w+)(?!\w*=) +#', path.read_text(), re.MULTILINE)
        assert list(built) == fields

    def test_messages_and_modules_are_one_package_and_the_source_comes_first(self):
        messages = pytest.importorskip(
            'warmstart_planner.msg', reason='messages are not built: make setup'
        )
        core = importlib.import_module('warmstart_planner.vehicle')
        assert Path(core.__file__).parent == ROOT / 'warmstart_planner'
        assert ROOT / 'warmstart_planner' not in Path(messages.__file__).parents


class TestEnvironment:
    ECHO = 'echo $ROS_DOMAIN_ID $ROS_AUTOMATIC_DISCOVERY_RANGE'

    @staticmethod
    def start(code, **environment):
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_DISTRO')
        }
        return subprocess.Popen(
            [ROOT / 'scripts' / 'run', 'bash', '-c', code],
            env={**inherited, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_runs_at_the_same_time_have_different_domains(self):
        running = [self.start(f'{self.ECHO}; read') for _ in range(8)]
        try:
            domains = [int(process.stdout.readline().split()[0]) for process in running]
        finally:
            for process in running:
                process.communicate('\n')
        assert len(set(domains)) == len(domains)
        assert all(1 <= domain <= 101 for domain in domains)

    def test_a_run_keeps_to_this_machine(self):
        assert self.start(self.ECHO).communicate()[0].split()[1] == 'LOCALHOST'

    def test_a_domain_that_the_user_has_set_is_kept(self):
        output = self.start(self.ECHO, ROS_DOMAIN_ID='42').communicate()[0]
        assert output.split()[0] == '42'

    def test_the_exit_status_is_that_of_the_command(self):
        process = self.start('exit 3')
        process.communicate()
        assert process.returncode == 3


class TestSetUp:
    def test_a_step_is_current_until_one_of_its_inputs_changes(self, set_up, tmp_path):
        file = tmp_path / 'input'
        file.write_text('a')
        key = set_up.digest([file], 'option')
        assert not set_up.is_current('step', key)
        set_up.stamp('step', key)
        assert set_up.is_current('step', set_up.digest([file], 'option'))
        assert not set_up.is_current('step', set_up.digest([file], 'other option'))
        file.write_text('b')
        assert not set_up.is_current('step', set_up.digest([file], 'option'))

    def test_texts_are_not_confused_across_their_borders(self, set_up):
        assert set_up.digest([], 'ab', 'c') != set_up.digest([], 'a', 'bc')

    def test_the_wheels_cmake_files_name_this_python_afterwards(self, set_up):
        file = set_up.VENV / 'share' / 'some_package' / 'cmake' / 'export.cmake'
        file.parent.mkdir(parents=True)
        build_machine = '/opt/python/cp312-cp312'
        file.write_text(
            f'"{build_machine}/include/python3.12;'
            f'{build_machine}/lib/python3.12/site-packages/numpy/_core/include"'
        )
        set_up.rewrite_wheel_paths()
        python = f'python{sys.version_info[0]}.{sys.version_info[1]}'
        packages = set_up.VENV / 'lib' / python / 'site-packages'
        assert file.read_text() == (
            f'"{sysconfig.get_path("include")};{packages}/numpy/_core/include"'
        )

    def test_pip_is_given_what_is_asked_for_and_what_was_asked_for_before(
        self, set_up, monkeypatch
    ):
        commands = []
        monkeypatch.setattr(set_up, 'run', lambda command, what: commands.append(command))
        monkeypatch.setattr(set_up, 'repair_casadi', lambda pip: None)
        shutil.copytree(ROOT / 'requirements', set_up.ROOT / 'requirements')

        def installed(*groups):
            """Set up with groups; return the files that pip was given."""
            commands.clear()
            set_up.install_requirements('', set_up.installed_groups() | {*groups})
            return {Path(part).name for each in commands for part in each if '.txt' in part}

        stack = {'runtime.txt', 'ros.txt', 'build.txt'}
        assert installed() == stack
        assert installed() == set(), 'it is there already'
        assert installed('training') == stack | {'training.txt'}
        assert installed() == set(), 'what was installed once stays'
        assert installed('development') == stack | {'training.txt', 'development.txt'}

    def test_copies_of_a_library_take_no_room_and_are_still_there(self, set_up):
        folder = next((set_up.VENV / 'lib').glob('python3*')) / 'site-packages' / 'casadi'
        folder.mkdir()
        content = os.urandom(set_up.COPY_SIZE)
        names = ('libcasadi.so', 'libcasadi.so.3', 'libcasadi.so.3.7', 'libother.so')
        for name in names:
            (folder / name).write_bytes(content)
        (folder / 'libcasadi.so.2').write_bytes(content[::-1])
        set_up.link_copies()
        places = {name: (folder / name).stat().st_ino for name in names}
        assert len({*places.values()}) == 2
        assert places['libother.so'] != places['libcasadi.so']
        assert all((folder / name).read_bytes() == content for name in names)
        assert (folder / 'libcasadi.so.2').read_bytes() == content[::-1]

    def test_steps_are_all_done_and_a_failure_of_one_is_told(self, set_up):
        meeting, done = threading.Barrier(2, timeout=60.0), []

        def good():
            meeting.wait()
            done.append('good')

        def bad():
            meeting.wait()
            raise set_up.SetUpError('no compiler')

        with pytest.raises(set_up.SetUpError, match='^no compiler$'):
            set_up.side_by_side([bad, good])
        assert done == ['good']
        with pytest.raises(set_up.SetUpError, match='^no compiler; no compiler$'):
            set_up.side_by_side([bad, bad])

    @pytest.mark.parametrize('place', ['environment', 'system'])
    def test_casadi_is_its_own_and_not_the_one_inside_acados(self, set_up, tmp_path, place):
        """Wherever pip finds CasADi installed already, and in whatever order it installs."""
        environment = next((set_up.VENV / 'lib').glob('python3*')) / 'site-packages'
        (environment / 'pip').symlink_to(Path(pip.__file__).parent)
        system = tmp_path / 'system'
        (environment / 'system.pth').write_text(str(system))
        casadi = wheel(tmp_path, 'casadi-2.0', {'casadi/__init__.py': "__version__ = '2.0'"})
        casadi.extractall(system if place == 'system' else environment)
        inside = {'casadi/__init__.py': "__version__ = '1.0'", 'acados/__init__.py': ''}
        python = 'Requires-Python: >=3.8'  # puts acados behind CasADi in pip's order
        wheel(tmp_path, 'comma_deps_acados-1.0', inside, python).extractall(environment)
        pins = set_up.ROOT / 'requirements' / 'runtime.txt'
        pins.parent.mkdir()
        pins.write_text('casadi==2.0\ncomma-deps-acados==1.0\n')
        version = [str(set_up.PYTHON), '-c', 'import acados, casadi; print(casadi.__version__)']
        assert set_up.capture(version) == '1.0'
        command = [str(set_up.PYTHON), '-m', 'pip', 'install', '--no-index']
        set_up.repair_casadi([*command, '--find-links', str(tmp_path)])
        assert set_up.capture(version) == '2.0'

    def test_a_missing_compiler_is_named_with_the_packages_that_have_it(self, tmp_path):
        set_up = load_set_up(tmp_path)
        script = Path(set_up.__file__)
        failed = subprocess.run(
            [sys.executable, script],
            env={**os.environ, 'PATH': str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert failed.returncode == 1
        assert 'set-up: cmake, make, cc, c++ not found' in failed.stderr
        assert 'apt-get install build-essential cmake' in failed.stderr
        assert not set_up.VENV.exists()

    def test_a_failed_command_shows_its_output_and_what_it_was_for(self, set_up, capfd):
        with pytest.raises(set_up.SetUpError, match='greeting failed with status 4'):
            set_up.run(['bash', '-c', 'echo hello; exit 4'], 'greeting')
        assert 'hello' in capfd.readouterr().err

    def test_a_sourced_ros_is_recognised_by_its_rclpy(self, set_up, tmp_path, monkeypatch):
        (tmp_path / 'ros' / 'rclpy').mkdir(parents=True)
        (tmp_path / 'ros' / 'rclpy' / '__init__.py').touch()
        monkeypatch.setenv('ROS_DISTRO', 'jazzy')
        monkeypatch.setenv('PYTHONPATH', str(tmp_path / 'ros'))
        assert set_up.sourced_ros() == f'jazzy of {tmp_path}/ros/rclpy'

    def test_no_ros_is_sourced_where_only_the_wheels_of_this_checkout_are(
        self, set_up, monkeypatch
    ):
        packages = set_up.VENV / 'lib'
        (packages / 'rclpy').mkdir(parents=True)
        (packages / 'rclpy' / '__init__.py').touch()
        monkeypatch.setenv('PYTHONPATH', str(packages))
        monkeypatch.setenv('ROS_DISTRO', 'jazzy')
        assert set_up.sourced_ros() == ''
        monkeypatch.delenv('ROS_DISTRO')
        assert set_up.sourced_ros() == ''

    def test_a_second_set_up_of_the_same_checkout_waits(self, set_up, tmp_path, capfd):
        path, released = tmp_path / 'lock', threading.Event()
        with path.open('w') as other:
            fcntl.flock(other, fcntl.LOCK_EX)

            def release():
                released.set()
                fcntl.flock(other, fcntl.LOCK_UN)

            threading.Timer(0.2, release).start()
            with set_up.locked(path):
                assert released.is_set()
        assert 'another set-up' in capfd.readouterr().out
