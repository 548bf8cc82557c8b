"""The functions that courses on AlexNet name, correct ones, thin over the other rooms."""

from __future__ import annotations

from alexnet.course.activations import relu, tanh
from alexnet.course.loops import Validated, train_alexnet, train_one_epoch, validate
from alexnet.course.parallel import AlexNetParallel
from alexnet.course.pictures import pca_color_augmentation, test_transform, train_transform
from alexnet.course.start import init_weights
from alexnet.course.visualize import plot_training_curves, visualize_conv_filters, visualize_feature_maps
from alexnet.model.layers import Dropout

__all__ = [
    "AlexNetParallel",
    "Dropout",
    "Validated",
    "init_weights",
    "pca_color_augmentation",
    "plot_training_curves",
    "relu",
    "tanh",
    "test_transform",
    "train_alexnet",
    "train_one_epoch",
    "train_transform",
    "validate",
    "visualize_conv_filters",
    "visualize_feature_maps",
]
