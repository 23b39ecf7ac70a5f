# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Install with pip what needs no ROS: planner, controller, simulator and the commands.

The ROS package, with messages and nodes, is built by CMakeLists.txt; training runs in a checkout.
"""

from pathlib import Path

from setuptools import find_namespace_packages, find_packages, setup

SHARE = 'warmstart_planner.share'  # where `resources.share_folder` finds them in a wheel
SHARED = ('config', 'models')
FOLDERS = [*SHARED, *(f'{top}.{each}' for top in SHARED for each in find_namespace_packages(top))]

setup(
    name='warmstart_planner',
    version='0.1.0',
    description='Planning and control of car-like vehicles, started from learned proposals',
    long_description=(Path(__file__).parent / 'CHANGELOG.rst').read_text(encoding='utf-8'),
    long_description_content_type='text/x-rst',
    author='The warmstart_planner authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.10,<3.14',
    packages=[
        *find_packages(include=['warmstart_planner*'], exclude=['warmstart_planner.nodes*']),
        *(f'{SHARE}.{folder}' for folder in FOLDERS),
    ],
    package_dir={f'{SHARE}.{top}': top for top in SHARED},
    package_data={
        'warmstart_planner': ['py.typed', *(f'**/*.{each}' for each in ('c', 'cpp', 'h', 'hpp'))],
        **{f'{SHARE}.{folder}': ['*'] for folder in FOLDERS},
    },
    entry_points={
        'console_scripts': ['warmstart-planner = warmstart_planner.commands.command_line:script']
    },
    # The exact versions that are tested are in requirements/.
    install_requires=[
        'argcomplete>=1.8',
        'casadi>=3.6.7',
        'comma-deps-acados>=0.2.2.post92',
        'honcho>=1.1',
        'jsonschema>=3.2',
        'lxml>=4.8',
        'matplotlib>=3.5',
        'numpy>=1.21',
        'onnxruntime>=1.23',
        'pillow>=9.0',
        'pyyaml>=5.4',
        'scipy>=1.8',
    ],
    extras_require={
        'training': [
            'dask>=2024.1',
            'distributed>=2024.1',
            'gymnasium>=1.0',
            'h5py>=3.8',
            'minari>=0.5.2',
            'onnx>=1.16',
            'onnxscript>=0.3',
            'pyarrow>=14.0',
            'rich>=13.0',
            'tensorboard>=2.14',
            'torch>=2.6',
            'tqdm>=4.60',
            'tyro>=1.0',
        ],
    },
)
