"""Did it work: conversion by day and channel, and how well a score finds those whom a treatment moves."""

from onecart.measure.uplift_curve import qini

__all__ = ["qini"]
