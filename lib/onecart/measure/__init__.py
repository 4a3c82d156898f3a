"""Did it work: conversion by day and channel, what it is due to, what a policy would bring, how long people wait."""

from onecart.measure.attribution import attribution
from onecart.measure.off_policy import go_live, off_policy
from onecart.measure.waiting import waiting

__all__ = ["attribution", "go_live", "off_policy", "waiting"]
