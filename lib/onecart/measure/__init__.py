"""Did it work: conversion by day and channel."""
