# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import ctypes
import operator
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warmstart_planner.generation import acados, compilation
from warmstart_planner.learned.observation import library as observation_library
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking import merit_library
from warmstart_planner.mpc.tracking.solver import solver_key
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp import library
from warmstart_planner.vehicle import load_vehicle

ROOT = Path(__file__).resolve().parents[2]
DESCRIBE = (
    'from warmstart_planner.generation import acados; template = acados.import_acados_template();'
    'found = acados.installation(); print(found.module, found.prefix, template.AcadosOcp.__name__)'
)


def run_python(code, *options, **environment):
    """Run code in a fresh interpreter, since a process finds and loads acados only once."""
    return subprocess.run(
        [sys.executable, *options, '-c', code],
        env={**os.environ, 'PYTHONPATH': str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def source_build(tmp_path):
    """Lay the installed acados out as a build from source is."""
    installed = acados.installation()
    template = Path(acados.import_acados_template().__file__).parent
    interface = tmp_path / 'interfaces' / 'acados_template'
    interface.mkdir(parents=True)
    for name in ('include', 'lib', 'bin'):
        (tmp_path / name).symlink_to(installed.prefix / name)
    (interface / 'acados_template').symlink_to(template)
    return tmp_path


def last_line(process):
    return (process.stdout + process.stderr).strip().splitlines()[-1]


def test_the_headers_and_libraries_are_where_they_are_said_to_be():
    directories = acados.include_directories()
    assert any((d / 'acados_c' / 'ocp_nlp_interface.h').is_file() for d in directories)
    assert any((d / 'blasfeo_d_blas.h').is_file() for d in directories)
    assert any((d / 'hpipm_d_ocp_qp.h').is_file() for d in directories)
    assert (acados.library_directory() / 'libhpipm.so').is_file()


def test_the_version_is_a_number():
    assert int(acados.version().split('.')[0]) >= 0


def test_other_flags_make_other_solvers(monkeypatch):
    """Else a build that is there would be kept when a flag alone changes."""
    car = load_vehicle()

    def keys():
        return [
            library.key(car, CostWeights(), Horizon()),
            observation_library.key(car),
            merit_library.key(car, ControllerSettings()),
            solver_key(car, ControllerSettings()),
        ]

    before = keys()
    monkeypatch.setattr(compilation, 'optimisation', lambda: ('-O0',))
    assert not any(map(operator.eq, keys(), before))


def test_the_template_module_can_describe_a_problem():
    template = acados.import_acados_template()
    ocp = template.AcadosOcp()
    assert Path(ocp.acados_lib_path).samefile(acados.library_directory())


def test_a_child_process_finds_the_same_acados():
    acados.import_acados_template()
    child = run_python(DESCRIBE)
    assert child.returncode == 0, child.stderr
    installed = acados.installation()
    assert last_line(child).split()[:2] == [installed.module, str(installed.prefix)]


def test_a_source_build_takes_precedence(source_build):
    child = run_python(
        DESCRIBE,
        PYTHONPATH=f'{ROOT}{os.pathsep}{source_build}/interfaces/acados_template',
        ACADOS_SOURCE_DIR=str(source_build),
        ACADOS_PYTHON_INTERFACE_PATH='',
    )
    assert child.returncode == 0, child.stderr
    assert last_line(child).split() == ['acados_template', str(source_build), 'AcadosOcp']


@pytest.mark.skipif(
    acados.installation().module == 'acados_template', reason='acados_template is installed'
)
def test_a_source_build_without_its_python_module_is_refused(source_build):
    child = run_python(DESCRIBE, ACADOS_SOURCE_DIR=str(source_build))
    assert child.returncode != 0
    assert 'AcadosMissingError' in last_line(child)
    assert f'pip install {source_build}/interfaces/acados_template' in last_line(child)


def test_a_source_directory_without_a_build_is_refused(tmp_path):
    child = run_python(DESCRIBE, ACADOS_SOURCE_DIR=str(tmp_path))
    assert child.returncode != 0
    assert f'ACADOS_SOURCE_DIR={tmp_path} has no include/acados_c' in last_line(child)


def test_without_acados_the_error_says_how_to_get_it():
    code = f'import sys; sys.path.insert(0, {str(ROOT)!r}); {DESCRIBE}'
    child = run_python(code, '-S', '-I', ACADOS_SOURCE_DIR='')
    assert child.returncode != 0
    assert 'AcadosMissingError: acados is not installed' in last_line(child)
    assert 'pip install comma-deps-acados casadi' in last_line(child)


def test_a_compiled_library_can_call_blasfeo(tmp_path):
    source = tmp_path / 'dot.c'
    source.write_text(
        '#include "blasfeo_target.h"\n#include "blasfeo_common.h"\n#include "blasfeo_d_aux.h"\n'
        '#include "blasfeo_d_blas.h"\n'
        'double square(double a) {\n'
        '  double memory[64] __attribute__((aligned(64)));\n'
        '  struct blasfeo_dvec v;\n'
        '  blasfeo_create_dvec(2, &v, memory);\n'
        '  blasfeo_dvecse(2, a, &v, 0);\n'
        '  return blasfeo_ddot(2, &v, 0, &v, 0);\n}\n'
    )
    acados.compile_library([source], tmp_path / 'dot.so')
    acados.preload_libraries()
    square = ctypes.CDLL(str(tmp_path / 'dot.so')).square
    square.argtypes, square.restype = [ctypes.c_double], ctypes.c_double
    assert square(3.0) == 18.0


def test_source_that_does_not_compile_gives_the_words_of_the_compiler(tmp_path):
    source = tmp_path / 'broken.c'
    source.write_text('int f( { }\n')
    with pytest.raises(RuntimeError, match=r'failed on .*broken\.c:(.|\n)*error'):
        acados.compile_library([source], tmp_path / 'broken.so')


def test_a_missing_compiler_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('CC', 'no-such-compiler')
    with pytest.raises(RuntimeError, match="C compiler 'no-such-compiler'"):
        acados.compile_library([tmp_path / 'a.c'], tmp_path / 'a.so')
