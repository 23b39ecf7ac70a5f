# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Structures in C: what Python writes there is what C reads."""

import ctypes
import math
from dataclasses import dataclass

import pytest

from warmstart_planner.generation.c_layout import (
    HEADER,
    address_of,
    c_name,
    constants_of,
    defines,
    fields,
    header,
    numbers_of,
)
from warmstart_planner.generation.compilation import CPP, C, compile_library, open_library


@dataclass(frozen=True)
class Car:
    name: str
    length: float
    width: float


class CarStructure(ctypes.Structure):
    _fields_ = numbers_of(Car)


class AllKindsStructure(ctypes.Structure):
    """Whole numbers before wider fields, so that there are gaps."""

    _fields_ = [
        *fields(ctypes.c_int, 'first', 'second', 'third'),
        ('car', CarStructure),
        ('flag', ctypes.c_int),
        ('few', ctypes.c_double * 3),
        ('last', ctypes.c_int),
        *fields(address_of('const double'), 'given', 'other'),
        ('cars', CarStructure * 2),
        ('whole', ctypes.c_int * 3),
        ('cars_elsewhere', address_of('const car_t *const')),
    ]


def test_names_are_those_of_c_types():
    assert c_name(CarStructure) == 'car_t'
    assert c_name(AllKindsStructure) == 'all_kinds_t'


def test_a_dataclass_s_numbers_are_fields_in_its_order_its_name_is_none():
    assert [name for name, _ in CarStructure._fields_] == ['length', 'width']


@pytest.mark.parametrize('language', [C, CPP], ids=lambda language: language.name)
def test_a_compiler_puts_every_field_where_ctypes_puts_it(language, tmp_path):
    (tmp_path / HEADER).write_text(header(CarStructure, AllKindsStructure))
    names = [name for name, _ in AllKindsStructure._fields_]
    places = ', '.join(f'offsetof(all_kinds_t, {name})' for name in names)
    begin = 'extern "C" ' if language is CPP else ''
    source = tmp_path / 'places.c'
    source.write_text(
        f'#include <stddef.h>\n#include "{HEADER}"\n'
        f'{begin}void places(size_t *to) {{\n'
        f'    const size_t each[] = {{{places}, sizeof(all_kinds_t), sizeof(car_t)}};\n'
        '    for (size_t i = 0; i < sizeof each / sizeof *each; i++) to[i] = each[i];\n'
        '}\n'
    )
    compile_library(language, [source], tmp_path / 'places.so', [f'-I{tmp_path}'])
    found = (ctypes.c_size_t * (len(names) + 2))()
    library = open_library(tmp_path / 'places.so', {'places': (None, ctypes.c_void_p)})
    library.places(ctypes.addressof(found))
    offsets = [getattr(AllKindsStructure, name).offset for name in names]
    assert list(found) == [*offsets, *map(ctypes.sizeof, (AllKindsStructure, CarStructure))]


def test_c_reads_what_python_wrote(tmp_path):
    (tmp_path / HEADER).write_text(header(CarStructure, AllKindsStructure))
    source = tmp_path / 'sum.c'
    source.write_text(
        f'#include "{HEADER}"\n'
        'double sum(const all_kinds_t *all) {\n'
        '    return all->second + all->car.width + all->few[2] + all->given[1] +\n'
        '           all->cars[1].length + all->cars_elsewhere[0]->width;\n'
        '}\n'
    )
    compile_library(C, [source], tmp_path / 'sum.so', [f'-I{tmp_path}'])
    given = (ctypes.c_double * 2)(0.0, 1000.0)
    elsewhere = CarStructure(0.0, 100000.0)
    addresses = (ctypes.c_void_p * 1)(ctypes.addressof(elsewhere))
    all_kinds = AllKindsStructure(
        second=1,
        car=CarStructure(0.0, 10.0),
        few=(0.0, 0.0, 100.0),
        given=ctypes.addressof(given),
        cars=(CarStructure * 2)(CarStructure(), CarStructure(10000.0, 0.0)),
        cars_elsewhere=ctypes.addressof(addresses),
    )
    kind = ctypes.POINTER(AllKindsStructure)
    library = open_library(tmp_path / 'sum.so', {'sum': (ctypes.c_double, kind)})
    assert library.sum(all_kinds) == 111111.0


def test_a_type_that_c_has_no_word_for_is_named():
    class OddStructure(ctypes.Structure):
        _fields_ = [('text', ctypes.c_char_p)]

    with pytest.raises(TypeError, match="field 'text' is a c_char_p: expected a number"):
        header(OddStructure)


def test_numbers_are_to_the_preprocessor_what_they_are_to_python(tmp_path):
    values = {'THIRD': 1 / 3, 'MANY': 12, 'OTHERS': '{1, 2}'}
    source = tmp_path / 'numbers.c'
    source.write_text(f'{defines(values)}double third(void) {{ return THIRD * MANY; }}\n')
    compile_library(C, [source], tmp_path / 'libnumbers.so')
    library = open_library(tmp_path / 'libnumbers.so', {'third': (ctypes.c_double,)})
    assert library.third() == 12 / 3


def test_constants_are_those_of_their_modules():
    assert constants_of({math: ('pi', 'e'), ctypes: ()}) == {'pi': math.pi, 'e': math.e}
