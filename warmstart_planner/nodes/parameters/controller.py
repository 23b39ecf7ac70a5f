# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Parameters of the node `controller`.

What is compiled into the solver (horizon, number of obstacles, penalties) is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warmstart_planner.mpc.settings import ControllerSettings, Mode, StartChoice
from warmstart_planner.nodes.parameters.declaration import Parameter, declared, replaced
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

VEHICLE = Parameter(
    'vehicle', DEFAULT_VEHICLE, "Car to control: packaged name, or its file's path", read_only=True
)
MODE = Parameter(
    'mode',
    Mode.RTI.value,
    'One real-time iteration a step, or until converged',
    choices=tuple(mode.value for mode in Mode),
)
WARM_START = Parameter(
    'warm_start',
    ControllerSettings().warm_start.value,
    "Where the solver starts: the shifted solution, a policy's roll-out where one is fresh, or "
    'the better one',
    choices=tuple(choice.value for choice in StartChoice),
)
ROLL_OUT_AGE_MAX = Parameter(
    'roll_out_age_max', 0.25, 'Roll-outs from an older state are dropped', unit='s',
    low=0.0, high=2.0,
)  # fmt: skip
SETTINGS = (
    ('iterations_max', '1', 1, 100, 'Iterations of a step in the mode converged'),
    ('tolerance', '1', 0.0, 1.0, 'Largest KKT residual that counts as converged'),
    ('time_limit', 's', 0.0, 1.0, 'In the solver, at most'),
    ('obstacle_dt', 's', 0.01, 0.5, "Step of the obstacles' predictions"),
    ('period', 's', 0.005, 0.5, 'Between two commands'),
    ('actuator_delay', 's', 0.0, 1.0, 'From a command to its first effect'),
    ('acceleration_lag', 's', 0.0, 2.0, 'Time constant of drive and brakes'),
    ('steering_lag', 's', 0.0, 2.0, 'Time constant of the steering'),
    ('rear_slip', 'rad s^2/m', 0.0, 0.1, 'Slip of the rear tyres per lateral acceleration'),
    ('obstacle_margin', 'm', 0.0, 5.0, 'Kept free to obstacles'),
    ('road_margin', 'm', 0.0, 5.0, "Kept free to the road's edges"),
    ('friction_use', '1', 0.1, 1.0, 'Used share of the friction circle'),
    ('speed_floor', 'm/s', 0.1, 20.0, 'Below it the lateral weights stay as at this speed'),
    ('standstill_deceleration', 'm/s^2', 0.0, 10.0, 'Holds the brake of a standing car'),
    ('weights.longitudinal', '1/m^2', 0.0, 1e4, 'Weight of the distance ahead or behind'),
    ('weights.lateral', '1/m^2', 0.0, 1e4, 'Weight of the distance to the side'),
    ('weights.lateral_speed', 's^2/m^2', 0.0, 1e4, 'Weight of the speed to the side'),
    ('weights.speed', 's^2/m^2', 0.0, 1e4, 'Weight of the speed error'),
    ('weights.lateral_acceleration', 's^4/m^2', 0.0, 1e4, 'Weight of lateral acceleration'),
    ('weights.acceleration', 's^4/m^2', 0.0, 1e4, 'Weight of acceleration'),
    ('weights.lateral_jerk', 's^6/m^2', 0.0, 1e4, 'Weight of lateral jerk'),
    ('weights.terminal', 's', 0.0, 1e3, 'Multiplies the weights at the end'),
    ('supervision.state_age_max', 's', 0.0, 10.0, 'Beyond, the car is taken to be lost'),
    ('supervision.reference_age_fresh', 's', 0.0, 10.0, 'Up to it a reference is new'),
    ('supervision.reference_age_max', 's', 0.0, 10.0, 'Up to it a reference is followed'),
    ('supervision.result_age_max', 's', 0.0, 10.0, 'How long a result stands in for failed ones'),
    ('supervision.clock_skew_max', 's', 0.0, 10.0, 'A stamp further ahead is not believed'),
    ('supervision.recovery_cycles', '1', 0, 1000, 'Good cycles in a row that end braking'),
    ('braking.comfort', 'm/s^2', 0.1, 20.0, 'Deceleration at first'),
    ('braking.firm', 'm/s^2', 0.1, 20.0, 'Deceleration later'),
    ('braking.comfort_time', 's', 0.0, 10.0, 'How long braking stays comfortable'),
    ('braking.ramp_time', 's', 0.0, 10.0, 'From comfortable to firm'),
    ('braking.grip_use', '1', 0.1, 1.0, 'Share of the friction circle that braking uses'),
    ('braking.hold', 'm/s^2', 0.1, 20.0, 'Asked for while standing'),
    ('braking.blind', 'm/s^2', 0.1, 20.0, 'Asked for where there is no path to follow'),
)
NAMES = ('mode', 'warm_start', *(row[0] for row in SETTINGS))
DECLARATIONS = (
    VEHICLE,
    MODE,
    WARM_START,
    ROLL_OUT_AGE_MAX,
    *declared(ControllerSettings(), SETTINGS, ('period',)),
)


@dataclass(frozen=True)
class ControllerNodeSettings:
    """All that the node is told; `roll_out_age_max` in s."""

    vehicle: VehicleParameters
    controller: ControllerSettings
    roll_out_age_max: float

    @property
    def takes_roll_outs(self) -> bool:
        """Whether the solver may start from a policy's roll-out."""
        return self.controller.warm_start is not StartChoice.SHIFTED


def settings_from(values: Mapping[str, Any]) -> ControllerNodeSettings:
    """Build the settings; raises ValueError where values do not fit each other."""
    return ControllerNodeSettings(
        vehicle=load_vehicle(values['vehicle']),
        controller=replaced(ControllerSettings(), values, NAMES),
        roll_out_age_max=values['roll_out_age_max'],
    )
