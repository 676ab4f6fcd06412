import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A user made for a test, with subordinate ids, and gone after it. Only root can make one.
 * Its processes see the project and Node at paths of its own, through mounts in their own namespace:
 * a checkout in root's home can't be read by anyone else.
 */
export class OrdinaryUser {
  readonly name: string;
  readonly uid: number;
  /** Its own; a root for the app may lie here. */
  readonly home: string;
  readonly #view: string;

  private constructor(name: string, uid: number, home: string, view: string) {
    this.name = name;
    this.uid = uid;
    this.home = home;
    this.#view = view;
  }

  static async make(): Promise<OrdinaryUser> {
    const base = await mkdtemp(join(tmpdir(), "shimyard-user-"));
    await chmod(base, 0o755);
    const name = `shimyard-test-${process.pid}`;
    const home = join(base, "home");
    await run("useradd", ["--create-home", "--home-dir", home, "--shell", "/bin/sh", name]);
    if (!(await readFile("/etc/subuid", "utf8")).includes(`${name}:`)) {
      const range = "1000000000-1000065535";
      await run("usermod", ["--add-subuids", range, "--add-subgids", range, name]);
    }
    const uid = Number((await run("id", ["-u", name])).stdout);
    const view = join(base, "view");
    await mkdir(join(view, "project"), { recursive: true });
    await mkdir(join(view, "node"));
    // Where udev runs everyone may open it; a machine without has to be made to look so.
    await run("mknod", ["--mode=666", join(view, "tun"), "c", "10", "200"]);
    return new OrdinaryUser(name, uid, home, view);
  }

  /** argv that runs Node on a file of the project as this user. `file` is relative to the project. */
  node(file: string): string[] {
    const mounts =
      'mount --bind "$1" "$3/project" && mount --bind "$2" "$3/node" && ' +
      '{ [ ! -e /dev/net/tun ] || mount --bind "$3/tun" /dev/net/tun; }';
    const as = ["setpriv", `--reuid=${this.name}`, `--regid=${this.name}`, "--init-groups"];
    return [
      ...["unshare", "--mount", "--propagation", "private", "sh", "-c"],
      ...[`${mounts} && cd "$4" && shift 4 && exec "$@"`, "sh"],
      ...[project, dirname(process.execPath), this.#view, this.home],
      ...as,
      ...["--inh-caps=-all", "--", "env"],
      ...["XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME"].flatMap((name) => ["-u", name]),
      ...[`HOME=${this.home}`, `USER=${this.name}`],
      ...[join(this.#view, "node/node"), join(this.#view, "project", file)],
    ];
  }

  async remove(): Promise<void> {
    await run("userdel", [this.name]);
    await rm(dirname(this.home), { recursive: true, force: true });
  }
}
