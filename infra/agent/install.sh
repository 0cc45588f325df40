#!/bin/sh
# Installs the agent on this KVM host, or takes it away again. In: the files of dist/agent beside this one, as root. Out: the
# executable, its unit, its configuration; with --user an account that may do nothing but ask the agent. Can be run again: an
# update. A configuration that is there is left as it is.
set -eu
usage() {
  cat <<'END'
install.sh --admit WHO       the provisioner's certificate, by its common name or as sha256:DIGEST of its public key;
                             installs, or updates, and starts the agent
install.sh --once-only       no service: the agent only answers over SSH
  --user NAME --key FILE     an account for SSH with this public key, which may do nothing but run the agent as root
  --root DIR                 into this tree, starting nothing: for images
install.sh --uninstall       takes the agent away; devices and what it knew of them (/var/lib/bridgekeeper) stay as they are
END
}
fail() { echo "install.sh: $1" >&2; exit 1; }
admit= user= key= root= once= uninstall=
while [ $# -gt 0 ]; do
  case $1 in
    --admit|--user|--key|--root)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in --admit) admit=$2;; --user) user=$2;; --key) key=$2;; --root) root=$2;; esac
      shift 2;;
    --once-only) once=yes; shift;;
    --uninstall) uninstall=yes; shift;;
    --help|-h) usage; exit 0;;
    *) usage >&2; fail "$1 is not understood";;
  esac
done
[ "$(id -u)" = 0 ] || fail "it needs root"
here=$(cd "$(dirname "$0")" && pwd)
program=$root/usr/sbin/bridgekeeper-agent
unit=$root/etc/systemd/system/bridgekeeper-agent.service
configuration=$root/etc/bridgekeeper/agent.json
sudoers=$root/etc/sudoers.d/bridgekeeper
control() { [ -n "$root" ] || systemctl "$@"; }

if [ -n "$uninstall" ]; then
  [ ! -e "$unit" ] || control disable --now bridgekeeper-agent.service
  rm -f "$program" "$unit" "$sudoers"
  control daemon-reload
  echo "The agent is gone. Devices are as they were; $configuration and /var/lib/bridgekeeper are left."
  exit 0
fi

plain() { case $1 in ''|*[!A-Za-z0-9._:-]*) return 1;; esac; }
[ -z "$admit" ] || plain "$admit" || fail "--admit $admit: letters, digits, dots, dashes, underscores and colons only"
[ -n "$once" ] || [ -n "$admit" ] || [ -e "$configuration" ] || fail "--admit NAME is missing, or --once-only"
[ -z "$user$key" ] || { plain "$user" && [ -r "$key" ]; } || fail "--user NAME and --key FILE go together, and the file must be readable"
if [ -n "$user" ]; then
  [ "$(grep -c . "$key")" = 1 ] && grep -Eq '^(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?$' "$key" ||
    fail "$key is not one public key without options"
fi
if [ -e "$here/bridgekeeper-agent" ]; then
  file=$here/bridgekeeper-agent
else
  file=$here/bridgekeeper-agent.cjs
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "there is no Node 20 or later: install one, or build with --executable"
fi
[ -e "$file" ] || fail "$file is missing: build it with npm run agent"

# Under another name first: a running agent keeps the file that it was started from.
install -D -m 0755 "$file" "$program.new" && mv -f "$program.new" "$program"
if [ -n "$admit" ] && [ ! -e "$configuration" ]; then
  install -d -m 0755 "$(dirname "$configuration")"
  printf '{ "admit": ["%s"] }\n' "$admit" >"$configuration"
fi
if [ -n "$user" ]; then
  # No password fits, but the account is not locked: an sshd without PAM lets nobody in who is.
  [ -n "$root" ] || id "$user" >/dev/null 2>&1 || useradd --system --create-home --shell /bin/sh --password '*' "$user"
  home=$root$([ -z "$root" ] && getent passwd "$user" | cut -d: -f6 || echo "/home/$user")
  install -d -m 0700 "$home/.ssh"
  printf 'restrict,command="sudo -n /usr/sbin/bridgekeeper-agent once" %s\n' "$(cat "$key")" >"$home/.ssh/authorized_keys"
  chmod 0600 "$home/.ssh/authorized_keys"
  [ -n "$root" ] || chown -R "$user:" "$home/.ssh"
  install -d -m 0750 "$(dirname "$sudoers")"
  printf '%s ALL=(root) NOPASSWD: /usr/sbin/bridgekeeper-agent once\n' "$user" >"$sudoers.new"
  chmod 0440 "$sudoers.new"
  if command -v visudo >/dev/null; then visudo -cqf "$sudoers.new" || fail "sudo does not accept $sudoers.new"; fi
  mv -f "$sudoers.new" "$sudoers"
fi
if [ -n "$once" ]; then
  echo "Installed: $("$program" version). It answers over SSH only."
  exit 0
fi
install -D -m 0644 "$here/bridgekeeper-agent.service" "$unit"
control daemon-reload
control enable bridgekeeper-agent.service
control restart bridgekeeper-agent.service
echo "Installed: $("$program" version). See systemctl status bridgekeeper-agent."
