//go:build tools

// Package tools names the one program that the kit builds, so that `go mod tidy` keeps its pins.
package tools

import _ "go.k6.io/k6/v2"
