# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""CasADi's expressions as C++ templates over the number type of `lanes/number.hpp`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import casadi as ca

Function = tuple[str, Mapping[str, ca.SX], Mapping[str, Any]]  # name, inputs, outputs
INFIX = {
    ca.OP_ADD: '{} + {}',
    ca.OP_SUB: '{} - {}',
    ca.OP_MUL: '{} * {}',
    ca.OP_NEG: '-{}',
    ca.OP_INV: 'one_over({})',
    ca.OP_SQ: '{0} * {0}',
    ca.OP_TWICE: '{0} + {0}',
    ca.OP_SQRT: 'sqrt({})',
    ca.OP_SIN: 'sin({})',
    ca.OP_COS: 'cos({})',
    ca.OP_TAN: 'tan({})',
    ca.OP_FABS: 'absolute({})',
    ca.OP_EXP: 'exp({})',
    ca.OP_FMAX: 'maximum({}, {})',
    ca.OP_FMIN: 'minimum({}, {})',
    ca.OP_LE: 'as_number({} <= {})',
    ca.OP_LT: 'as_number({} < {})',
}


def _signature(
    name: str, inputs: Mapping[str, ca.SX], outputs: Mapping[str, Any], number: str = 'R'
) -> str:
    arguments = [f'const {number} *{each}' for each in inputs]
    arguments += [f'{number} *__restrict {each}' for each in outputs]
    return f'void {name}({", ".join(arguments)})'


def declaration(name: str, inputs: Mapping[str, ca.SX], outputs: Mapping[str, Any]) -> str:
    """Return how a function is declared, without the semicolon."""
    return f'template <class R> {_signature(name, inputs, outputs)}'


def instance(
    name: str, inputs: Mapping[str, ca.SX], outputs: Mapping[str, Any], number: str
) -> str:
    """Return the statement that has a function compiled for one number type."""
    return f'template {_signature(name, inputs, outputs, number)};'


def definition(name: str, inputs: Mapping[str, ca.SX], outputs: Mapping[str, Any]) -> str:
    """Write one function; each value is a name of its own."""
    results = ca.cse([ca.densify(ca.vertcat(*_entries(value))) for value in outputs.values()])
    function = ca.Function(name, list(inputs.values()), results)
    return '\n'.join(
        [
            f'{declaration(name, inputs, outputs)} {{',
            *_statements(function, list(inputs), list(outputs)),
            '}',
            '',
        ]
    )


def _entries(value: Any) -> list[ca.SX]:
    return list(value) if isinstance(value, list) else list(ca.vertsplit(ca.vec(value)))


def _statements(
    function: ca.Function, inputs: Sequence[str], outputs: Sequence[str]
) -> Iterable[str]:
    """Yield the function's instructions; what is divided by twice is inverted once."""
    latest: dict[int, str] = {}  # CasADi's work places -> the value that is there now
    inverse: dict[str, str] = {}
    for k in range(function.n_instructions()):
        operation = function.instruction_id(k)
        places, written = function.instruction_input(k), function.instruction_output(k)
        if operation == ca.OP_OUTPUT:
            yield f'    {outputs[written[0]]}[{written[1]}] = {latest[places[0]]};'
            continue
        if operation == ca.OP_INPUT:
            text = f'{inputs[places[0]]}[{places[1]}]'
        elif operation == ca.OP_CONST:
            text = f'R({float(function.instruction_constant(k))!r})'
        elif operation == ca.OP_DIV:
            above, below = (latest[place] for place in places)
            if below not in inverse:
                inverse[below] = f'over_{below}'
                yield f'    const R {inverse[below]} = one_over({below});'
            text = f'{above} * {inverse[below]}'
        else:
            text = INFIX[operation].format(*(latest[place] for place in places))
        latest[written[0]] = f'v{k}'
        yield f'    const R v{k} = {text};'
