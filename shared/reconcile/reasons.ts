/**
 * The closed list of reasons that a host or a network on it is not simply in sync, each with what an operator does
 * next. In: a reason. Out: whether trying again can help, and the next step in words.
 */

export interface ReasonEntry {
  /** True: the world may heal by itself, so the record retries. False: somebody has to change something. */
  readonly retry: boolean
  readonly next: string
  /** True: the network is there and serves all the same; it is told, and the host is in sync. */
  readonly harmless?: true
  /** True: nobody of whom the host's own driver could ask anything answered, so its fall-back is asked (fallback.ts). */
  readonly unreached?: true
}

const entries = {
  // one network on one host
  Conflict: {
    retry: true,
    next: 'Something that Bridgekeeper did not make holds this name or this tag; move it away, or leave it and accept that this network is not prepared here.',
  },
  NameTooLong: {
    retry: false,
    next: 'Linux names end at 15 characters: give the uplink a shorter name, then reconnect the host.',
  },
  UplinkMissing: {
    retry: true,
    next: 'Create the bridge, interface or switch that the traffic label names, with its uplink, or correct the label in CloudStack.',
  },
  UplinkAmbiguous: {
    retry: true,
    next: 'The bridge of this traffic label has several uplink ports; leave one, so that CloudStack and Bridgekeeper choose the same.',
  },
  UplinkUnusable: {
    retry: true,
    next: 'XAPI makes no VLAN on the interface that the detail names: let the traffic label name the network of a bond’s own interface, or of a plain one that XAPI manages.',
  },
  NoCarrier: {
    retry: true,
    next: 'The network is there, but no cable or switch port answers below it: see the link of the interface that the detail names.',
  },
  SplitNetwork: {
    retry: false,
    harmless: true,
    next: 'VMs run all the same, but do not migrate between hosts that use different networks of one name: move the VMs of one of the two to the other, then destroy the empty one.',
  },
  XapiFailed: {
    retry: true,
    next: 'XAPI refused a step: read its code in the detail, and /var/log/xensource.log on the pool’s master.',
  },
  VcenterFailed: {
    retry: true,
    next: 'vCenter refused a step: read its fault in the detail, and the recent tasks of the host or the switch in vCenter.',
  },
  BridgeMissing: {
    retry: true,
    next: 'Create the Open vSwitch bridge that the traffic label names, with an uplink, or correct the label in CloudStack.',
  },
  BridgeDown: { retry: true, next: 'Set the Open vSwitch bridge that the detail names up, with ip link, and at boot.' },
  OpenVswitchUnreadable: {
    retry: true,
    next: 'See on the host that openvswitch runs and that ovs-vsctl answers, or correct network.bridge.type in agent.properties.',
  },
  Unsupported: {
    retry: false,
    next: 'This driver cannot provide such a network; nothing to do unless the network must run here.',
  },
  ApplyIncomplete: {
    retry: true,
    next: 'The host still lacks the device after it was created; it is tried again. If it stays, read the detail and the log of the host.',
  },
  KernelLimit: {
    retry: true,
    next: 'Raise the kernel limit that the detail names, with sysctl and in a file of /etc/sysctl.d, so that it outlives a reboot.',
  },
  MtuDiffers: {
    retry: false,
    harmless: true,
    next: 'Nothing is changed below VMs: set the MTU that the detail names on the device, with ip link, when no VM needs the old one; or leave it.',
  },
  Noted: { retry: false, next: 'Nothing to do: this is how the host is.' },
  // one host
  HostNotUp: { retry: true, next: 'Bring the host Up in CloudStack.' },
  HostUnreachable: {
    retry: true,
    unreached: true,
    next: 'Check the address, the firewall and the SSH service of the host.',
  },
  HostKeyUnknown: {
    retry: true,
    next: 'Compare the fingerprint of the detail with what "ssh-keygen -lf" prints of /etc/ssh/ssh_host_*_key.pub on the host, then: bridgekeeper hostkeys accept --host HOST FINGERPRINT. For many hosts: bridgekeeper hostkeys import FILE.',
  },
  HostKeyChanged: {
    retry: true,
    next: 'The host shows another key than before: find out who answers. If it was reinstalled, compare the fingerprint of the detail on the host, then: bridgekeeper hostkeys accept --host HOST FINGERPRINT, or hostkeys import --replace FILE.',
  },
  LoginRefused: {
    retry: true,
    next: 'Check BRIDGEKEEPER_SSH_USER, and BRIDGEKEEPER_SSH_KEY_FILE or BRIDGEKEEPER_SSH_SECRET, against the host.',
  },
  LoginTimedOut: {
    retry: true,
    next: 'The host is reached, but its login does not come to an end: see there what sshd waits for (load, DNS, PAM), and what the login scripts of the user do (.bashrc).',
  },
  NotRoot: {
    retry: true,
    next: 'Let BRIDGEKEEPER_SSH_USER log in as root (user id 0), or use the agent, by itself or as the forced command of another user: docs/agent.md.',
  },
  HostLockFailed: {
    retry: true,
    next: 'The host cannot open the lock that the detail names: make room on /run (df /run, df -i /run), or let root write there.',
  },
  JumpHostUnreachable: {
    retry: true,
    unreached: true,
    next: 'No host is reached while the jump host is not: check BRIDGEKEEPER_SSH_JUMP, and the firewall and the SSH service of that machine.',
  },
  JumpHostUntrusted: {
    retry: true,
    next: 'The jump host shows a key that is not on record: compare the fingerprint of the detail on that machine, then: bridgekeeper hostkeys accept --jump FINGERPRINT, or hostkeys import FILE.',
  },
  JumpHostRefused: {
    retry: true,
    next: 'The jump host does not let its user log in with the key of BRIDGEKEEPER_SSH_KEY_FILE or BRIDGEKEEPER_SSH_SECRET, or does not forward to the host: see AllowTcpForwarding and PermitOpen there.',
  },
  AgentRefused: {
    retry: true,
    next: 'See that "admit" in /etc/bridgekeeper/agent.json on the host names the subject or the public key of what "bridgekeeper certificate status" shows, and that it is of the CA of the host and has not ended.',
  },
  AgentUntrusted: {
    retry: true,
    next: 'The host shows a certificate that is not of the CA that "bridgekeeper certificate status" shows, not its own, or has ended: renew it with CloudStack’s provisionCertificate, or find out who answers.',
  },
  AgentMissing: {
    retry: true,
    unreached: true,
    next: 'Install the agent on the host, and see that it runs: docs/agent.md.',
  },
  AgentOutdated: {
    retry: true,
    next: 'The agent on the host does not speak the protocol of this release: install this release’s agent there.',
  },
  SudoRefused: {
    retry: true,
    next: 'Let the SSH user run the agent as root by sudo without a password, as its installer writes it: docs/agent.md.',
  },
  XapiUnreachable: {
    retry: true,
    unreached: true,
    next: 'Check the address and the firewall, and that xapi runs on the host and on its pool’s master.',
  },
  XapiUntrusted: {
    retry: true,
    next: 'Compare the fingerprint of the detail with what "openssl x509 -noout -fingerprint -sha256 -in /etc/xensource/xapi-ssl.pem" prints on the host, then add it to the credentials file: docs/xenserver.md.',
  },
  XapiRefused: {
    retry: true,
    next: 'Check the name and the password for this zone or cluster in what BRIDGEKEEPER_XAPI_CREDENTIALS_FILE or BRIDGEKEEPER_XAPI_SECRET names, and that the user has the role pool-operator: docs/xenserver.md.',
  },
  VcenterUnreachable: {
    retry: true,
    unreached: true,
    next: 'Check the address of the vCenter in what BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE or BRIDGEKEEPER_VCENTER_SECRET names, the firewall, and that its service runs.',
  },
  VcenterUntrusted: {
    retry: true,
    next: 'Compare the fingerprint of the detail with that of the vCenter’s own machine certificate, then add it, or its authority, to the credentials file: docs/vmware.md.',
  },
  VcenterRefused: {
    retry: true,
    next: 'Check the name and the password for this zone or cluster in what BRIDGEKEEPER_VCENTER_CREDENTIALS_FILE or BRIDGEKEEPER_VCENTER_SECRET names, and the role of the user: docs/vmware.md.',
  },
  LeaseHeld: {
    retry: true,
    next: 'Another run was at work on the same pool or datacenter; this one is tried again. If it stays, see in the log which run does not end.',
  },
  WrongHost: {
    retry: true,
    next: 'The machine at this address calls itself something else than CloudStack does; correct the address or the name.',
  },
  HostBusy: {
    retry: true,
    next: 'Another run holds /run/bridgekeeper.lock on the host, or CloudStack its VXLAN lock /var/run/cloud/vxlan.lock; this one is tried again. If it stays, see which process holds it.',
  },
  HostMisread: {
    retry: true,
    next: 'The host answered something that is not understood; read the detail and the log.',
  },
  CloudStackTooOld: {
    retry: true,
    next: 'Such a CloudStack sends a host nothing when it is asked: upgrade it to 4.17 or later, or name a driver that reaches the host in BRIDGEKEEPER_DRIVERS.',
  },
  CloudStackRefused: { retry: true, next: 'CloudStack refused the request; read the detail.' },
  TimeOut: { retry: true, next: 'The run ended itself before its time limit; it goes on in the next one.' },
  Misconfigured: {
    retry: true,
    next: 'Correct the setting that the detail names, in the environment of the provisioner.',
  },
  RunCrashed: { retry: true, next: 'The run ended without a report; read the log of the provisioner.' },
  RequestedUnverified: {
    retry: false,
    next: 'CloudStack was asked and does not tell the outcome; only a driver that reaches the host verifies it.',
  },
  NoDriver: { retry: false, next: 'Name a driver for this hypervisor in BRIDGEKEEPER_DRIVERS.' },
  Unrecognised: { retry: true, next: 'A newer release wrote this reason: read it with that release.' },
  NotYetVerified: { retry: true, next: 'Wait for the first run, or start it with: bridgekeeper backfill.' },
  NewNetworks: { retry: true, next: 'Networks changed since this host was last prepared; its turn comes.' },
  Stale: { retry: true, next: 'The last verification is too old; see that the schedule and the provisioners run.' },
  ObserveOnly: { retry: false, next: 'Set BRIDGEKEEPER_MODE=apply to let Bridgekeeper create what is missing.' },
  Updating: { retry: true, next: 'A job is under way.' },
} as const satisfies Record<string, ReasonEntry>

export type Reason = keyof typeof entries

export const reasonNames = Object.keys(entries) as readonly Reason[]

export const reasons: Readonly<Record<Reason, ReasonEntry>> = entries
