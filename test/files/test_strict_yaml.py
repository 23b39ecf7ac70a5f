# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""YAML 1.2's core schema, each key once, and nothing that would take for ever."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.files.strict_yaml import ALIASED_MAX, DEPTH_MAX, YamlError, parse


@given(st.floats(allow_nan=False))
def test_every_number_is_read_as_python_writes_it(number):
    text = repr(number).replace('inf', '.inf')
    assert parse(text) == number
    assert parse(text.upper().replace('.INF', '.Inf')) == number


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_whole_number_is_read(number):
    assert parse(str(number)) == number
    assert parse(f'00{number}' if number >= 0 else str(number)) == number


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('2e1', 20.0),
        ('1e-3', 0.001),
        ('1E+2', 100.0),
        ('-.5', -0.5),
        ('5.', 5.0),
        ('.5e1', 5.0),
        ('0x1F', 31),
        ('0o17', 15),
        ('017', 17),
        ('true', True),
        ('FALSE', False),
        ('~', None),
        ('', None),
    ],
)
def test_a_plain_scalar_means_what_the_core_schema_says(text, value):
    found = parse(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    'text', ['yes', 'no', 'on', 'Off', 'y', '1_000', '1:30', '0b11', '2024-01-01', '1e', '.', '=']
)
def test_what_only_yaml_1_1_takes_for_something_else_is_a_text(text):
    assert parse(text) == text
    assert parse(f'{text}: 1') == {text: 1}


def test_what_is_in_quotes_is_a_text():
    assert parse('["2e1", \'true\', "~"]') == ['2e1', 'true', '~']


def test_not_a_number_is_read():
    assert math.isnan(parse('.nan'))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('a: 1\nb: 2\na: 3', 'a is given twice, again in line 3: expected each key once'),
        ('a: 1\n"a": 3', 'a is given twice, again in line 2'),
        ('a:\n  - b: 1\n  - {c: 1, c: 1}', r'a\[1\]\.c is given twice, again in line 3'),
        ('a: 1\n3: 2', '3 is a key in line 2: expected a text'),
        ('[1]: 2', r'\[1\] is a key in line 1: expected a text'),
        ('null: 2', 'None is a key in line 1: expected a text'),
        ('a: 1\n---\nb: 2', 'expected a single document'),
        ('a:\n\t- 1', r"is not YAML: .*'\\t'.*line 2"),
        ('a: [1', 'is not YAML: .*line 1'),
        ('a: \x00', 'is not YAML'),
        ('a: *b', 'is not YAML: found undefined alias'),
        ('a: !!python/object:os.system {}', "a has the tag '.*os.system' in line 1"),
        ('a: !!set {b}', 'a has the tag'),
        ('a: !!int 3.5', 'a has the tag'),
        ('a: !own 3', "a has the tag '!own'"),
        ('a: &b [*b]', r'a\[0\] in line 1 holds itself'),
        (f'a: {"9" * 9000}', r'a is 9+\.\.\. in line 1: expected a whole number of at most 64'),
        (f'a: {2**70}', f'a is {2**70} in line 1'),
        ('[' * (DEPTH_MAX + 2) + ']' * (DEPTH_MAX + 2), 'is nested too deeply'),
        ('[' * 100_000, 'is nested too deeply'),
    ],
)
def test_what_cannot_be_meant_is_one_error_with_place_and_line(text, said):
    with pytest.raises(YamlError, match=said) as caught:
        parse(text)
    assert '\n' not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None


def test_an_alias_stands_for_what_it_names():
    assert parse('a: &size {length: 4.5}\nb: *size') == {
        'a': {'length': 4.5},
        'b': {'length': 4.5},
    }


@pytest.mark.parametrize('levels', [6, 9, 30])
def test_aliases_that_multiply_are_refused_at_once(levels):
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for i in range(1, levels):
        lines.append(f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]')
    with pytest.raises(YamlError, match=f'aliases for more than {ALIASED_MAX} values'):
        parse('\n'.join(lines))
