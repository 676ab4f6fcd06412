/**
 * What differs between root and an ordinary user, in one place: how a command gets to run with the
 * rights and in the namespaces that a container's root file system lives in.
 */
export interface Privileges {
  readonly rootless: boolean;
  /**
   * argv that runs `argv` inside fresh mount (rootless: and user) namespaces, for a shim to be born in. `within`: a
   * process whose user namespace is taken instead of a fresh one, see own-namespaces.ts.
   */
  isolate(argv: string[], within?: number): string[];
  /**
   * argv that runs an OCI runtime's command against an existing task. `pid` is a living process of it,
   * its shim or its init: rootless it is the way into the user namespace (none: a fresh one with the same
   * mapping, in which what they left can be removed); root needs no entering and gets argv back.
   */
  enter(pid: number | undefined, argv: string[]): string[];
  /** argv that handles files as the container's root sees them (unpack, copy, remove), rootless in a user namespace. */
  asRoot(argv: string[]): string[];
}

export const rootPrivileges: Privileges = {
  rootless: false,
  // slave: mounts made on the host later reach the shim, none of the shim's reaches the host.
  isolate: (argv) => ["unshare", "--mount", "--propagation", "slave", ...argv],
  enter: (_pid, argv) => argv,
  asRoot: (argv) => argv,
};

/** The beginning of argv: the user's own id is root there, subordinate ids are the others. */
export const userNamespace = ["unshare", "--user", "--map-auto", "--map-root-user"];

const enterUser = (pid: number): string[] => [
  ...["nsenter", "--target", String(pid), "--user", "--preserve-credentials"],
];

export const rootlessPrivileges: Privileges = {
  rootless: true,
  isolate: (argv, within) => [
    ...(within === undefined ? userNamespace : [...enterUser(within), "unshare"]),
    ...["--mount", "--propagation", "slave", ...argv],
  ],
  enter: (pid, argv) =>
    pid === undefined
      ? [...userNamespace, ...argv]
      : // Only the user namespace: an init's mount namespace has no runtime binary in it, and the
        // runtime enters the container's namespaces itself.
        [...enterUser(pid), ...argv],
  asRoot: (argv) => [...userNamespace, ...argv],
};

/** By who runs us: root as root, anyone else through a user namespace of their own. */
export function choosePrivileges(uid: number = process.getuid?.() ?? 0): Privileges {
  return uid === 0 ? rootPrivileges : rootlessPrivileges;
}
