#!/bin/sh
# example.com/acme/toy 1.2.3, served by the skysail program that SKYSAIL_HELPER_BINARY names.
exec env SKYSAIL_HELPER=plugin-toy "${SKYSAIL_HELPER_BINARY:?must name the skysail program}" "$@"
