# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Install the ROS-free core and training with pip: data generation and training servers.

The ROS package, with messages and nodes, is built by CMakeLists.txt.
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
# what `resources.share_folder` looks for: cars, scenarios and their schemas
FOLDERS = [ROOT / 'config', *(each for each in ROOT.glob('config/*') if each.is_dir())]

setup(
    name='warmstart_planner',
    version='0.1.0',
    description='Planning and control of car-like vehicles, started from learned proposals',
    long_description=(ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8'),
    long_description_content_type='text/x-rst',
    author='The warmstart_planner authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.10,<3.14',
    packages=find_packages(
        include=['warmstart_planner*', 'training*'], exclude=['warmstart_planner.nodes*']
    ),
    package_data={'': ['*.c', '*.h', '*.json', '*.yaml', 'lanes/*.hpp', 'lanes/*.cpp']},
    data_files=[
        (
            f'share/warmstart_planner/{folder.relative_to(ROOT)}',
            [str(each.relative_to(ROOT)) for each in folder.iterdir() if each.is_file()],
        )
        for folder in FOLDERS
    ],
    # The exact versions that are tested are in requirements/.
    install_requires=[
        'casadi>=3.6.7',
        'comma-deps-acados>=0.2.2.post92',
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
            'cattrs>=24.1',
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
