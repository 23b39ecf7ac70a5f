# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The planning problem as a nonlinear programme with slacks, for general solvers.

Cost, constraints, dynamics, bounds and penalties are those of SCP's merit (`score` in
scp/lanes/merit.hpp), from the same definitions; only their transcription is here. A soft row
r(x, u) >= 0 of weight w becomes r + s >= 0, s >= 0 with the cost
w (violation s + violation_square s^2 / 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from warmstart_planner import objective, vehicle
from warmstart_planner.generation import acados, generated
from warmstart_planner.generation.symbolic import numpy_on_symbols
from warmstart_planner.objective import (
    GRIP,
    OBSTACLE_PARAMETERS,
    ROAD_PARAMETERS,
    ROAD_ROWS,
    STOP_STATION,
    CostWeights,
)
from warmstart_planner.problem import Horizon, Trajectory
from warmstart_planner.scp.solver import BoundProblem
from warmstart_planner.transcription import control_bounds
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, VehicleParameters, step

CAPACITIES = (3, 5, 7, 10, 12)  # obstacles that solvers are compiled for
FAR = 1e4  # where an unused obstacle is put [m]
UNUSED = (FAR, FAR, 1.0, 0.0, 0.0, 0.0, 0.0)  # its OBSTACLE_FIELDS


@dataclass(frozen=True)
class Formulation:
    """What a programme depends on; `obstacles` is how many it has room for."""

    vehicle: VehicleParameters
    weights: CostWeights
    horizon: Horizon
    obstacles: int

    @property
    def rows(self) -> int:
        """Soft rows of every node but the first, which has only friction."""
        return ROAD_ROWS + 1 + self.obstacles

    @property
    def path_weights(self) -> NDArray[np.float64]:
        """Weights of a node's rows [s]."""
        return np.full(self.rows, self.horizon.dt)

    def path_residuals(self, x: Any, u: Any, road: Any) -> Any:
        """Residuals of a node; dt times the sum of their squares is its cost."""
        on_road = self._on_road(x, road)
        return ca.vertcat(*objective.stage_residuals(x, u, on_road, self.vehicle, self.weights))

    def end_residuals(self, x: Any, road: Any) -> Any:
        """Residuals of the last node; the sum of their squares is its cost."""
        on_road = self._on_road(x, road)
        return ca.vertcat(*objective.terminal_residuals(x, on_road, self.vehicle, self.weights))

    def friction_row(self, x: Any, u: Any, road: Any) -> Any:
        """Return what the friction circle leaves [m/s^2]."""
        return objective.friction_reserve(x, u, road[GRIP], self.vehicle)

    def path_rows(self, x: Any, u: Any, road: Any, obstacles: Any) -> Any:
        """Rows of a middle node: road, friction, obstacles."""
        edges = self._clearances(x, road)
        return ca.vertcat(*edges, self.friction_row(x, u, road), *self._separations(x, obstacles))

    def end_rows(self, x: Any, road: Any, obstacles: Any) -> Any:
        """Rows of the last node: road, stopping, obstacles."""
        on_road = self._on_road(x, road)
        edges = self._clearances(x, road)
        stop, grip = road[STOP_STATION], road[GRIP]
        stopping = objective.stopping_reserve(x, on_road, stop, grip, self.vehicle)
        return ca.vertcat(*edges, stopping, *self._separations(x, obstacles))

    def next_state(self, x: Any, u: Any) -> Any:
        """State one step on."""
        return ca.vertcat(*step(x, u, self.horizon.dt, self.vehicle.wheelbase))

    def key(self) -> dict[str, Any]:
        """Return all that a compiled solver of this formulation depends on."""
        sources = (Path(__file__), Path(objective.__file__), Path(vehicle.__file__))
        return {**asdict(self), 'sources': generated.source_digest(*sources)}

    def _on_road(self, x: Any, road: Any) -> objective.RoadCoordinates:
        return objective.road_coordinates(*objective.box_centre(x, self.vehicle), road)

    def _clearances(self, x: Any, road: Any) -> list[Any]:
        edges = objective.road_edges(road)
        return objective.road_clearances(x, self._on_road(x, road), edges, self.vehicle)

    def _separations(self, x: Any, obstacles: Any) -> list[Any]:
        size = OBSTACLE_PARAMETERS
        return [
            objective.obstacle_separation(x, obstacles[i * size : (i + 1) * size], self.vehicle)
            for i in range(self.obstacles)
        ]


@dataclass(frozen=True)
class Task:
    """
    A problem and a start, in the problem's frame, that every solver is given alike.

    `states` (N + 1, 5) and `controls` (N, 2) are the rolled-out start; `obstacles`
    (M, N + 1, OBSTACLE_PARAMETERS) are those within the car's reach.
    """

    bound: BoundProblem
    guess: Trajectory
    states: NDArray[np.float64]
    controls: NDArray[np.float64]
    obstacles: NDArray[np.float64]

    @property
    def road(self) -> NDArray[np.float64]:
        """Road parameters."""
        return self.bound.numbers.road

    def capacity(self) -> int:
        """Return the least number of CAPACITIES that holds the obstacles."""
        return capacity_for(len(self.obstacles))

    def node_obstacles(self, capacity: int) -> NDArray[np.float64]:
        """Obstacle parameters by node, shape (N + 1, capacity * OBSTACLE_PARAMETERS)."""
        nodes = self.bound.problem.horizon.steps + 1
        padded = np.tile(np.array(UNUSED), (nodes, capacity, 1))
        padded[:, : len(self.obstacles)] = self.obstacles.swapaxes(0, 1)
        return padded.reshape(nodes, -1)


def capacity_for(obstacles: int) -> int:
    """Return the least number of CAPACITIES that holds so many obstacles."""
    return next(c for c in CAPACITIES if c >= obstacles)


def make_task(bound: BoundProblem, guess: Trajectory, rolled: Trajectory) -> Task:
    """
    Return the task of a problem, a guess and what the model makes of it.

    Raises:
        ValueError: the goal has a time, which this formulation knows nothing of.

    """
    if bound.problem.timed_target.arrival is not None:
        raise ValueError(f'problem.goal is {bound.problem.goal}: expected one without a time')
    states, controls = bound.localise(rolled)
    return Task(bound, guess, states, controls, obstacles_in_reach(bound))


def obstacles_in_reach(bound: BoundProblem) -> NDArray[np.float64]:
    """
    Return the obstacles that the car could be near at some node.

    The others' rows hold whatever the car does: leaving them out changes no solution, and general
    solvers have less to compute.
    """
    problem, numbers = bound.problem, bound.numbers
    car, times = problem.vehicle, problem.horizon.times
    top = np.maximum(car.speed_max, problem.initial_state[vehicle.SPEED])
    speed = np.minimum(problem.initial_state[vehicle.SPEED] + car.acceleration_max * times, top)
    driven = np.concatenate([[0.0], np.cumsum(speed[1:] * problem.horizon.dt)])
    # the rear axle's way, the box's half diagonal about its centre, and the rows' smoothing
    around = driven + car.rear_to_center + np.hypot(car.length, car.width) / 2 + 1.0
    shape = np.hypot(numbers.obstacles[..., 4], numbers.obstacles[..., 5])
    reach = around + shape + 1.5 * numbers.obstacles[..., 6]
    distance = np.hypot(numbers.obstacles[..., 0], numbers.obstacles[..., 1])
    return numbers.obstacles[(distance < reach).any(axis=1)]


class Programme:
    """
    A formulation as CasADi functions, with block-wise derivatives.

    Variables by node: x (not at node 0, whose state is given), u (not at node N), slacks.
    Constraints by node: the next state less the model's, then rows plus slacks. In this order the
    Jacobian and the Lagrangian's Hessian have one block a node, and their non-zeros lie one
    node behind the other. Parameters: initial state, road, obstacles of nodes 1 .. N.
    """

    @numpy_on_symbols()
    def __init__(self, formulation: Formulation) -> None:
        """Build the expressions of the three kinds of nodes."""
        self.formulation = formulation
        self.steps = formulation.horizon.steps
        self._kinds = (_first(formulation), _middle(formulation), _last(formulation))

    @property
    def stage_sizes(self) -> tuple[list[int], list[int], list[int]]:
        """Numbers of states, of controls with slacks, and of rows, by node."""
        n, rows = self.steps, self.formulation.rows
        controls = [CONTROL_SIZE + 1] + [CONTROL_SIZE + rows] * (n - 1) + [rows]
        return [0] + [STATE_SIZE] * n, controls, [1] + [rows] * n

    def pack(
        self,
        states: NDArray[np.float64],
        controls: NDArray[np.float64],
        slacks: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.float64]:
        """Variables from states (N + 1, 5), controls (N, 2) and slacks (1 + N * rows,)."""
        form, n = self.formulation, self.steps
        slacks = np.broadcast_to(slacks, 1 + n * form.rows)
        by_node = slacks[1:].reshape(n, form.rows)
        middle = np.concatenate([states[1:n], controls[1:], by_node[:-1]], axis=1)
        return np.concatenate([controls[0], slacks[:1], middle.ravel(), states[n], by_node[-1]])

    def unpack(
        self, variables: NDArray[np.float64], initial_state: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """States and controls from variables; the inverse of `pack`."""
        n, head = self.steps, CONTROL_SIZE + 1
        width = STATE_SIZE + CONTROL_SIZE + self.formulation.rows
        middle = variables[head : head + (n - 1) * width].reshape(n - 1, width)
        end = variables[head + (n - 1) * width :]
        states = np.concatenate(
            [initial_state[None], middle[:, :STATE_SIZE], end[None, :STATE_SIZE]]
        )
        controls = np.concatenate(
            [variables[None, :CONTROL_SIZE], middle[:, STATE_SIZE : STATE_SIZE + CONTROL_SIZE]]
        )
        return states, controls

    def parameters(self, task: Task) -> NDArray[np.float64]:
        """Return the parameters of a task."""
        obstacles = task.node_obstacles(self.formulation.obstacles)[1:]
        return np.concatenate([task.states[0], task.road, obstacles.ravel()])

    def arguments(self, task: Task) -> dict[str, NDArray[np.float64]]:
        """Return start (without slacks), parameters and bounds as a CasADi solver takes them."""
        numbers, car = task.bound.numbers, self.formulation.vehicle
        n = self.steps
        least, most = control_bounds(car)
        lower = self.pack(numbers.state_lower, np.tile(least, (n, 1)), 0.0)
        upper = self.pack(numbers.state_upper, np.tile(most, (n, 1)), np.inf)
        soft = self._soft_rows()
        return {
            'x0': self.pack(task.states, task.controls),
            'p': self.parameters(task),
            'lbx': lower,
            'ubx': upper,
            'lbg': np.zeros(len(soft)),
            'ubg': np.where(soft, np.inf, 0.0),
        }

    def slacks(self, constraints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slacks that just fulfil the rows whose values, without slacks, are among these."""
        return np.maximum(0.0, -constraints[self._soft_rows()])

    def _soft_rows(self) -> NDArray[np.bool_]:
        """Which constraints are soft rows."""
        states, _, rows = self.stage_sizes
        closing = [*states[1:], 0]
        parts = [np.arange(c + r) >= c for c, r in zip(closing, rows, strict=True)]
        return np.concatenate(parts)

    # ------------------------------------------------------------------------- for code generation

    def functions(self) -> list[ca.Function]:
        """
        Return what a compiled library has for CasADi's solvers.

        The `nlp_*` ones are found by fatrop under their names; IPOPT is given `ipopt_grad_f` (cost
        and gradient) and `ipopt_hess_l` (upper triangle) in place of two of them.
        """
        form = self.formulation
        states, controls, rows = self.stage_sizes
        obstacles = self.steps * form.obstacles * OBSTACLE_PARAMETERS
        z = ca.MX.sym('x', sum(states) + sum(controls))
        p = ca.MX.sym('p', STATE_SIZE + ROAD_PARAMETERS + obstacles)
        scale = ca.MX.sym('lam_f')
        multipliers = ca.MX.sym('lam_g', sum(states) + sum(rows))
        by_node = self._split(z, p)

        def stack(part: str, factor: Any = 1.0) -> Any:
            return ca.vertcat(
                *(
                    ca.vec(_evaluator(kind, part, nodes)(*inputs, factor))
                    for kind, nodes, inputs in by_node
                )
            )

        cost, gradient = ca.sum1(stack('cost')), stack('gradient')
        g = stack('constraints') + ca.vertcat(*self._next_states(z))
        jacobian = ca.MX(self._jacobian_sparsity(), stack('jacobian'))
        hessian = ca.MX(self._hessian_sparsity(), stack('hessian', scale))
        slope = scale * gradient + ca.mtimes(jacobian.T, multipliers)

        def function(name: str, **outputs: Any) -> ca.Function:
            inputs = {'x': z, 'p': p}
            if name in ('nlp_grad', 'nlp_hess_l', 'ipopt_hess_l'):
                inputs |= {'lam_f': scale, 'lam_g': multipliers}
            return ca.Function(
                name, [*inputs.values()], [*outputs.values()], [*inputs], [*outputs]
            )

        return [
            function('nlp', f=cost, g=g),
            function('nlp_f', f=cost),
            function('nlp_g', g=g),
            function('nlp_grad_f', grad_f_x=gradient),
            function(  # asked for once a solve; nobody reads what depends on p
                'nlp_grad', f=cost, g=g, grad_gamma_x=slope, grad_gamma_p=ca.MX.zeros(p.numel())
            ),
            function('nlp_jac_g', g=g, jac_g_x=jacobian),
            function('nlp_hess_l', grad_gamma_x=slope, hess_gamma_x_x=hessian),
            function('ipopt_grad_f', f=cost, grad_f_x=gradient),
            function('ipopt_hess_l', triu_hess_gamma_x_x=ca.triu(hessian)),
        ]

    def _split(self, z: Any, p: Any) -> list[Any]:
        """(kind, nodes, inputs) of first, middle and last nodes."""
        n, width = self.steps, self.formulation.obstacles * OBSTACLE_PARAMETERS
        given, road = p[:STATE_SIZE], p[STATE_SIZE : STATE_SIZE + ROAD_PARAMETERS]
        obstacles = ca.reshape(p[STATE_SIZE + ROAD_PARAMETERS :], width, n)
        first, middle, last = self._kinds
        inner = ca.reshape(z[first.size : z.numel() - last.size], middle.size, n - 1)
        return [
            (first, 1, (z[: first.size], road, given)),
            (middle, n - 1, (inner, road, obstacles[:, : n - 1])),
            (last, 1, (z[-last.size :], road, obstacles[:, -1])),
        ]

    def _next_states(self, z: Any) -> list[Any]:
        """Return the next state in the rows of the dynamics, 0 in all others."""
        first, middle, _ = self._kinds
        parts = []
        for k in range(self.steps):
            begin = first.size + k * middle.size
            rows = 1 if k == 0 else self.formulation.rows
            parts += [z[begin : begin + STATE_SIZE], ca.MX.zeros(rows)]
        return [*parts, ca.MX.zeros(self.formulation.rows)]

    def _jacobian_sparsity(self) -> ca.Sparsity:
        """Blocks of [row of the node's own state; the node's constraints]."""
        rows, columns = [], []
        first, middle, last = self._kinds
        row = column = 0
        for k in range(self.steps + 1):
            kind = first if k == 0 else middle if k < self.steps else last
            local_rows, local_columns = kind.jacobian.sparsity().get_triplet()
            for i, j in sorted(
                zip(local_rows, local_columns, strict=True), key=lambda ij: ij[::-1]
            ):
                own = kind is not first and i < STATE_SIZE
                shift = 0 if kind is first else STATE_SIZE
                # the state before closes rows of the node before, the rest are this node's
                rows.append(self._closing_row(k) + i if own else row + i - shift)
                columns.append(column + j)
            row += kind.constraints.numel()
            column += kind.size
        return ca.Sparsity.triplet(row, column, rows, columns)

    def _closing_row(self, k: int) -> int:
        """First row in which the state of node k appears."""
        return 0 if k == 1 else STATE_SIZE + 1 + (k - 2) * (STATE_SIZE + self.formulation.rows)

    def _hessian_sparsity(self) -> ca.Sparsity:
        first, middle, last = (kind.hessian.sparsity() for kind in self._kinds)
        return ca.diagcat(first, *[middle] * (self.steps - 1), last)


@dataclass(frozen=True)
class NodeKind:
    """
    Expressions of one kind of node in its variables and parameters.

    `constraints` leaves out the next state, which is another node's variable; `jacobian` has the
    derivative of the node's own state on top where a node before ends in it. `hessian` is
    Gauss-Newton's, times the cost's scale: with the exact one both solvers took up to three times
    as long and ended feasible less often.
    """

    inputs: tuple[Any, ...]  # variables, road, obstacles or initial state, scale
    cost: Any
    constraints: Any
    gradient: Any
    jacobian: Any
    hessian: Any

    @property
    def size(self) -> int:
        """Number of variables."""
        return int(self.inputs[0].numel())


@dataclass(frozen=True)
class _Soft:
    """Soft rows, their slacks and weights."""

    rows: Any
    slacks: Any
    weights: NDArray[np.float64]


def _kind(
    form: Formulation,
    inputs: tuple[Any, Any, Any],
    own: Any,
    residuals: Any,
    dynamics: Any,
    soft: _Soft,
) -> NodeKind:
    """Derive a kind of node from its cost's residuals, its model and its soft rows."""
    variables, scale = inputs[0], ca.SX.sym('scale')
    linear, square = form.weights.violation, form.weights.violation_square
    squared = ca.vertcat(residuals, np.sqrt(square / 2 * soft.weights) * soft.slacks)
    cost = ca.sumsqr(squared) + linear * ca.dot(soft.weights, soft.slacks)
    constraints = ca.vertcat(-dynamics, soft.rows + soft.slacks)
    slope = ca.jacobian(squared, variables)
    return NodeKind(
        inputs=(*inputs, scale),
        cost=cost,
        constraints=constraints,
        gradient=ca.gradient(cost, variables),
        jacobian=ca.jacobian(ca.vertcat(own, constraints), variables),
        hessian=2 * scale * slope.T @ slope,
    )


def _first(form: Formulation) -> NodeKind:
    x, u, slack = _symbols(STATE_SIZE, CONTROL_SIZE, 1)
    (road,) = _symbols(ROAD_PARAMETERS)
    dt = form.horizon.dt
    soft = _Soft(form.friction_row(x, u, road), slack, np.full(1, dt))
    residuals = dt**0.5 * form.path_residuals(x, u, road)
    inputs = (ca.vertcat(u, slack), road, x)
    return _kind(form, inputs, ca.SX(0, 1), residuals, form.next_state(x, u), soft)


def _middle(form: Formulation) -> NodeKind:
    x, u, slacks = _symbols(STATE_SIZE, CONTROL_SIZE, form.rows)
    road, obstacles = _symbols(ROAD_PARAMETERS, form.obstacles * OBSTACLE_PARAMETERS)
    soft = _Soft(form.path_rows(x, u, road, obstacles), slacks, form.path_weights)
    residuals = form.horizon.dt**0.5 * form.path_residuals(x, u, road)
    inputs = (ca.vertcat(x, u, slacks), road, obstacles)
    return _kind(form, inputs, x, residuals, form.next_state(x, u), soft)


def _last(form: Formulation) -> NodeKind:
    x, slacks = _symbols(STATE_SIZE, form.rows)
    road, obstacles = _symbols(ROAD_PARAMETERS, form.obstacles * OBSTACLE_PARAMETERS)
    soft = _Soft(form.end_rows(x, road, obstacles), slacks, form.path_weights)
    inputs = (ca.vertcat(x, slacks), road, obstacles)
    return _kind(form, inputs, x, form.end_residuals(x, road), ca.SX(0, 1), soft)


def _symbols(*sizes: int) -> list[Any]:
    return [ca.SX.sym(f'v{index}', size) for index, size in enumerate(sizes)]


def _evaluator(kind: NodeKind, part: str, nodes: int) -> ca.Function:
    """Evaluate a part's non-zeros at `nodes` nodes that share the road and the scale."""
    expression = getattr(kind, part)
    values = expression.nz[:] if part in ('jacobian', 'hessian') else ca.densify(expression)
    name = f'{part}_{kind.size}_{nodes}'
    function = ca.Function(name, list(kind.inputs), ca.cse([values]))
    return function if nodes == 1 else function.map(f'{name}_map', 'serial', nodes, [1, 3], [])


def compile_programme(formulation: Formulation) -> Path:
    """Generate and compile a programme's functions unless they are current; return the library."""
    library = 'libnlp.so'

    def build(folder: Path) -> list[str]:
        generator = ca.CodeGenerator('nlp.c')
        for function in Programme(formulation).functions():
            generator.add(function)
        generator.generate(f'{folder}/')
        acados.compile_library([folder / 'nlp.c'], folder / library)
        return [library]

    return generated.generate('benchmark/nlp', formulation.key(), build) / library
