# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is given to a node and nothing answers to is told, and nothing else is."""

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from warmstart_planner.nodes.parameters.files import (
    Listener,
    Section,
    parameter_files,
    sections_of,
    system_parameters,
    unused_overrides,
    useless_parameters,
)

KNOWN = ('deadline', 'margins.obstacle', 'margins.road', 'vehicle')
ELSEWHERE = ('sources', 'obstacle_margin')


def reported(tmp_path, text, overrides=(), node='/planner'):
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    found = useless_parameters([path], overrides, Listener(node, KNOWN, lambda: ELSEWHERE))
    return [line.removeprefix(f'{path}: ') for line in found]


def given(*parameters, to='/**/planner'):
    lines = ''.join(f'    {each}\n' for each in parameters)
    return f'{to}:\n  ros__parameters:\n{lines}'


def unknown(name, meant='', section='/**/planner'):
    return f'section {section}: parameter {name} is unknown' + (
        f': did you mean {meant}?' if meant else ''
    )


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (given('deadline: 0.1', 'margins: {obstacle: 0.8}'), []),
        (given('margins.obstacle: 0.8', 'use_sim_time: true'), []),
        (given('qos_overrides./clock.subscription.depth: 3'), []),
        (given('margin: {obstacle: 0.8}'), [unknown('margin.obstacle', 'margins.obstacle')]),
        (given('margins: {obstacles: 0.8}'), [unknown('margins.obstacles', 'margins.obstacle')]),
        (given('obstacle: 0.8'), [unknown('obstacle', 'margins.obstacle')]),
        (given('deadlin: 1.0'), [unknown('deadlin', 'deadline')]),
        (given('Deadline: 1.0'), [unknown('Deadline', 'deadline')]),
        (given('qqq: [1, 2]'), [unknown('qqq')]),
        (given('sources: zero_control'), [unknown('sources')]),
        # a section for several nodes may speak to another one
        (given('sources: zero_control', to='/**'), []),
        (given('source: zero_control', to='/**'), [unknown('source', 'sources', '/**')]),
        (given('deadlin: 1.0', to='/*'), [unknown('deadlin', 'deadline', '/*')]),
        # and one for another node is that node's matter
        (given('whatever: 1.0', to='/**/controller'), []),
    ],
)
def test_a_parameter_that_has_no_effect_is_told_with_the_nearest_name(tmp_path, text, expected):
    assert reported(tmp_path, text) == expected


@pytest.mark.parametrize(
    ('section', 'said'),
    [
        ('/**/planer', 'section /**/planer is for no node of this system: did you mean planner?'),
        ('Planner', 'section /Planner is for no node of this system: did you mean planner?'),
        ('/car/simulater', 'section /car/simulater is for no node .*: did you mean simulator?'),
        ('/camera', 'section /camera is for no node of this system: expected one of proposal, '
         'planner, controller, simulator'),
        ('/planner/**/x', 'section /planner/**/x is for no node of this system: expected one of '
         'proposal, planner, controller, simulator'),
        ('/other/planner', 'section /other/planner is not for /planner: its parameters do not '
         'count there'),
    ],
)  # fmt: skip
def test_a_section_that_reaches_no_node_is_told(tmp_path, section, said):
    (line,) = reported(tmp_path, given('deadline: 0.1', to=section))
    start, _, end = said.partition('.*')
    assert line.startswith(start) and line.endswith(end)


def test_of_sections_for_several_cars_one_is_enough(tmp_path):
    text = given('deadline: 0.1', to='/one/planner') + given('deadlin: 0.1', to='/two/planner')
    assert reported(tmp_path, text, node='/one/planner') == []
    assert reported(tmp_path, text, node='/two/planner') == [
        unknown('deadlin', 'deadline', '/two/planner')
    ]


@pytest.mark.parametrize(
    ('pattern', 'node', 'applies'),
    [
        ('/planner', '/planner', True),
        ('planner', '/planner', True),
        ('/planner', '/car/planner', False),
        ('/**/planner', '/planner', True),
        ('/**/planner', '/a/b/planner', True),
        ('/*/planner', '/a/planner', True),
        ('/*/planner', '/planner', False),
        ('/**', '/a/planner', True),
        ('/*', '/planner', True),
        ('/**/plan', '/planner', False),
    ],
)
def test_patterns_of_nodes_mean_what_they_mean_to_ros(pattern, node, applies):
    assert Section(pattern, {}).applies_to(node) is applies


def test_sections_may_be_nested_by_namespace():
    (section,) = sections_of('car:\n  planner:\n    ros__parameters: {a: {b: 1, c: [2]}}')
    assert section == Section('/car/planner', {'a.b': 1, 'a.c': [2]})


def test_a_key_that_is_given_twice_is_told_with_its_line(tmp_path):
    (line,) = reported(tmp_path, given('deadline: 0.1', 'deadline: 0.2'))
    assert 'deadline is given twice, again in line 4' in line


def test_what_was_given_one_by_one_is_told_too(tmp_path):
    text = given('sources: x', to='/**')
    assert reported(tmp_path, text, ('sources', 'deadlin', 'vehicle', 'use_sim_time')) == [
        'parameter deadlin is unknown: did you mean deadline?'
    ]


def test_a_file_that_is_not_there_is_told(tmp_path):
    (line,) = useless_parameters([tmp_path / 'none.yaml'], (), Listener('/planner', KNOWN, tuple))
    assert 'none.yaml: cannot be read' in line


@pytest.mark.parametrize(
    ('section', 'topic', 'reported'),
    [
        ('/**/planner', '/goal', False),
        ('/**/planner', '/goall', True),
        ('/planner', '/obstacles', True),
        # a section for several nodes may mean a topic of another one
        ('/**', '/goall', False),
    ],
)
def test_a_quality_of_service_for_a_topic_that_a_node_does_not_have_is_told(
    tmp_path, section, topic, reported
):
    path = tmp_path / 'mine.yaml'
    path.write_text(
        given(f'qos_overrides: {{{topic}: {{subscription: {{depth: 3}}}}}}', to=section)
    )
    known = ('deadline', 'qos_overrides./goal.subscription.depth')
    name = f'qos_overrides.{topic}.subscription.depth'
    lines = unused_overrides([path], ['deadlin', name], Listener('/planner', known, tuple))
    meant = ': did you mean qos_overrides./goal.subscription.depth?'
    expected = f'parameter {name} is for no topic that the node has now{meant}'
    assert lines == ([expected] if reported else [])


def test_files_are_those_named_for_ros():
    line = 'node --params-file no.yaml --ros-args -p a:=1 --params-file a.yaml -r b:=c'
    more = '--params-file b.yaml -- --params-file no.yaml --ros-args --params-file c.yaml'
    files = parameter_files([*line.split(), *more.split()])
    assert [file.name for file in files] == ['a.yaml', 'b.yaml', 'c.yaml']
    assert parameter_files(['--ros-args', '--params-file']) == []


def test_the_systems_parameters_are_those_of_all_its_nodes():
    assert {'margins.obstacle', 'sources', 'actuator_delay', 'scenario'} <= system_parameters()
