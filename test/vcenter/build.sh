#!/bin/sh
# Builds govmomi's vcsim and govc, pinned by amendedVcsim/go.mod, and the amended vcsim, into .parts/vcenter. Needs Go 1.22 or later.
set -eu
cd "$(dirname "$0")/amendedVcsim"
parts=$(cd ../../.. && pwd)/.parts/vcenter
PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo 'Go 1.22 or later is missing: https://go.dev/dl/' >&2; exit 1; }
mkdir -p "$parts"
export CGO_ENABLED=0
govmomi=github.com/vmware/govmomi
version=$(go list -m -f '{{.Version}}' $govmomi)
GOBIN=$parts go install $govmomi/vcsim@$version $govmomi/govc@$version
go build -o "$parts/amendedVcsim" .
