# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A proposal node with models, and what is sent to it and heard of it."""

import numpy as np
import pytest


class Bench:
    """A proposal node, a sender of problems and what is answered to them."""

    def __init__(self, rig, make_problem):
        from warmstart_planner import msg
        from warmstart_planner.nodes.proposal import ProposalNode

        self.rig = rig
        self.make_problem = make_problem
        self.node = rig.run(ProposalNode())
        self.answers = rig.collect(msg.Proposals, '/proposal/output/proposals')
        self.problem = rig.sender(msg.PlanningProblem, '/proposal/input/problem')
        rig.until(lambda: rig.probe.count_publishers('/proposal/output/proposals') > 0)
        rig.spin(0.2)

    def pose(self, stamp, speed=8.0, **rest):
        from warmstart_planner.nodes.messages import problem_message

        problem = self.make_problem((20.0, 0.0, 0.0, speed, 0.0), stamp=stamp, **rest)
        self.problem(problem_message(problem))
        return problem

    def ask(self, stamp, **rest):
        """Pose a problem and return the proposals that answer it."""
        from warmstart_planner.nodes.messages import proposals_from

        known = len(self.answers)
        self.pose(stamp, **rest)
        self.rig.until(lambda: len(self.answers) > known)
        return proposals_from(self.answers[-1])

    def set(self, **values):
        from rclpy.parameter import Parameter

        (result,) = self.node.set_parameters(
            [
                Parameter(name, value=str(v) if name == 'model_dir' else v)
                for name, v in values.items()
            ]
        )
        return result

    def diagnosis(self):
        """Return the model's diagnostics: message and figures."""
        finding = self.node._models['decision_transformer']()
        return finding.message, dict(finding.values)


@pytest.fixture
def models(write_model, tmp_path):
    """Folders of two good models of different names."""
    return {name: write_model(tmp_path / name, model_id=name) for name in ('first', 'second')}


@pytest.fixture
def bare_bench(rig, make_problem):
    """Return a bench whose node has the sources and models that it was started with."""
    return Bench(rig, make_problem)


@pytest.fixture
def bench(bare_bench, models):
    assert bare_bench.set(model_dir=models['first']).successful
    return bare_bench


class RollOutBench(Bench):
    """The same with a sender of states, and the roll-outs that are sent for them."""

    def __init__(self, rig, make_problem, folder, listens=True):
        from warmstart_planner import msg

        super().__init__(rig, make_problem)
        assert self.set(model_dir=folder).successful
        assert self.set(roll_out_steps=20).successful
        self.roll_outs = []
        if listens:
            self.roll_outs = rig.collect(msg.RollOut, '/proposal/output/roll_outs')
            rig.until(lambda: rig.probe.count_publishers('/proposal/output/roll_outs') > 0)
        self.state = rig.sender(msg.VehicleState, '/proposal/input/state')
        rig.spin(0.2)

    def drive(self, stamp, speed=8.0):
        """Send a state, wait for what may come of it and return the car's state."""
        from warmstart_planner.nodes.messages import StateEstimate, vehicle_state_message

        car = np.array([20.4, 0.1, 0.0, speed, 0.0])
        self.state(vehicle_state_message(StateEstimate(stamp, car, 0.0, 1.0)))
        self.rig.spin(0.3)
        return car

    def finding(self, task):
        finding = getattr(self.node, task)()
        return finding.message, dict(finding.values)


@pytest.fixture
def policy_folder(write_policy, models):
    """Return a folder with a model and a policy that fails where the car is faster than 15 m/s."""
    return write_policy(models['first'], error=np.full((4, 2), np.nan))


@pytest.fixture
def roll_out_bench(rig, make_problem, policy_folder, observer):
    return RollOutBench(rig, make_problem, policy_folder)


@pytest.fixture
def unheard_bench(rig, make_problem, policy_folder, observer):
    """Return the same, where nobody listens to the roll-outs."""
    return RollOutBench(rig, make_problem, policy_folder, listens=False)
