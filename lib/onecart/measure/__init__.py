"""Did it work: conversion by day and channel, what it is due to, what a policy would bring, how long people wait."""

from onecart.measure.attribution import attribution

__all__ = ["attribution"]
