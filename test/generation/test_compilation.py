# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How generated code is compiled: for which processor, and what a compiler says to that."""

import ctypes
import platform

import pytest

from warmstart_planner.generation import compilation
from warmstart_planner.generation.compilation import (
    CPP,
    compile_library,
    flags,
    open_library,
    target,
    x86_level,
)

OLD = 'fpu mmx sse sse2 cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3'
AVX2 = f'{OLD} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave'
AVX512 = f'{AVX2} avx512f avx512bw avx512cd avx512dq avx512vl'


@pytest.mark.parametrize(
    ('has', 'level'),
    [
        ('fpu sse sse2', 'x86-64'),
        (OLD, 'x86-64-v2'),
        (AVX2, 'x86-64-v3'),
        (AVX2.replace('fma', ''), 'x86-64-v2'),
        (AVX512, 'x86-64-v4'),
        (AVX512.replace('avx512vl', ''), 'x86-64-v3'),
        (AVX512.replace('bmi2', ''), 'x86-64-v2'),
    ],
)
def test_a_level_has_all_that_is_below_it(has, level):
    cpu_info = f'processor\t: 0\nvendor_id\t: Some\nflags\t\t: {has}\nbugs\t\t: none\n'
    assert x86_level(cpu_info) == level


def test_of_a_processor_that_nothing_is_known_of_nothing_is_expected():
    assert x86_level('') == 'x86-64'


@pytest.mark.skipif(platform.machine() != 'x86_64', reason='levels are those of x86_64')
def test_the_compiler_is_told_this_machine_s_level():
    assert f'-march={target()}' in flags(CPP)
    assert target() == x86_level(compilation.CPU_INFO.read_text())


def test_cpp_is_compiled_and_called_by_what_its_functions_take_and_return(tmp_path):
    source = tmp_path / 'twice.cpp'
    source.write_text('extern "C" double twice(double a) { auto f = [](auto x) { return x + x; };'
                      ' return f(a); }\n')  # fmt: skip
    compile_library(CPP, [source], tmp_path / 'twice.so')
    real = ctypes.c_double
    library = open_library(tmp_path / 'twice.so', {'twice': (real, real)})
    assert library.twice(3.0) == 6.0
    with pytest.raises(ctypes.ArgumentError):
        library.twice('3')
    with pytest.raises(AttributeError, match='thrice'):
        open_library(tmp_path / 'twice.so', {'thrice': (real, real)})


def test_source_that_does_not_compile_gives_the_words_of_the_compiler(tmp_path):
    source = tmp_path / 'broken.cpp'
    source.write_text('int f( { }\n')
    with pytest.raises(RuntimeError, match=r'failed on .*broken\.cpp:(.|\n)*error'):
        compile_library(CPP, [source], tmp_path / 'broken.so')


def test_a_missing_compiler_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(RuntimeError, match=r"C\+\+ compiler 'no-such-compiler'.* in CXX"):
        compile_library(CPP, [tmp_path / 'a.cpp'], tmp_path / 'a.so')
