/**
 * What the fixed commands that change a host have in common (commands.ts, removalCommand.ts): the shell that runs them, the
 * deadline that they check on the host's own clock, the lock that they hold. Out: pieces of POSIX shell.
 */

/** A login shell may have a narrow or a strange PATH. */
export const path = 'PATH=/usr/sbin:/sbin:/usr/bin:/bin'

/** In: nothing. Out: 0 while the boot clock has not reached `$deadline`, in hundredths of a second. No process is started. */
export const inTime = `in_time() {
  read -r clock rest </proc/uptime && clock="\${clock%.*}\${clock#*.}" && [ "$clock" -lt "$deadline" ]
}`

/** How a command ends that could not open a lock's file: the file system is full, read-only, or not ours. */
export const lockFileFailed = 74

/**
 * Whoever changes this host's devices holds it, so that two never do at once; it lives as long as its holder does. Without
 * `command` a shell would end at an `exec` that fails, with a code of its own.
 */
export const lock = (seconds: number, otherwise: string): string =>
  `umask 077; command exec 9>>/run/bridgekeeper.lock || exit ${lockFileFailed}; flock -w ${seconds} 9 || ${otherwise}`

/** CloudStack's own lock, which its script waits for 10 s (FACTS B4); without its directory there is nobody to wait for. */
export const vxlanLock = (otherwise: string): string =>
  `[ ! -d /var/run/cloud ] || { command exec 8>>/var/run/cloud/vxlan.lock || exit ${lockFileFailed}; flock -w 5 8; } || ${otherwise}`

/** Whatever the login shell is. A script holds no single quote. */
export const script = (text: string): string => `${path} exec /bin/sh -c '\n${text}\n'`
