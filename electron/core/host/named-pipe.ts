const prefix = "\\\\.\\pipe\\";

/** The address of a named pipe of this Windows machine; `net` listens and connects at it as at a unix socket's path. */
export function pipeAddress(name: string): string {
  return prefix + name;
}

export function isPipeAddress(address: string): boolean {
  return address.startsWith(prefix);
}

/** The directory in which Windows lists its pipes. */
export const pipeDirectory = prefix;
