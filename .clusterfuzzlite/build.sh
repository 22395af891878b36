#!/bin/bash -eu
# The same build as OSS-Fuzz's.
exec bash "$SRC/racewalk/fuzz/oss-fuzz/build.sh"
