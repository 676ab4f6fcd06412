import { runCommand } from "#core/host/command";
import { AppError } from "#shared/errors";
import { joinGroup } from "./set-up.ts";

/**
 * Who may use the machine's manager: root, and the members of one group. Each of those can become root by it, so a
 * group that does not exist lets nobody in.
 */
export class Admission {
  readonly #group: string;
  /** Lookups under way, so that whoever knocks a thousand times costs no more than once. */
  readonly #asked = new Map<number, Promise<void>>();

  constructor(group: string) {
    this.#group = group;
  }

  /** Rejects PERMISSION_DENIED, saying how one is let in. */
  async admit(uid: number): Promise<void> {
    if (uid === 0) return;
    let asked = this.#asked.get(uid);
    if (!asked) {
      asked = this.#ask(uid).finally(() => this.#asked.delete(uid));
      this.#asked.set(uid, asked);
    }
    await asked;
  }

  /**
   * What the machine's databases say of the user now (getent(1) asks all of nsswitch.conf(5)), not which groups its
   * process has: who was just added need not sign in again, and who was removed keeps nothing.
   */
  async #ask(uid: number): Promise<void> {
    const group = this.#group;
    const [user, found] = await Promise.all([lookUp("passwd", `${uid}`), lookUp("group", group)]);
    const [name, , , primary] = user ?? [];
    if (name === undefined) {
      throw new AppError("PERMISSION_DENIED", `This machine knows no user ${uid}`);
    }
    const [, , gid, members = ""] = found ?? [];
    if (gid !== undefined && (gid === primary || members.split(",").includes(name))) return;
    throw new AppError(
      "PERMISSION_DENIED",
      found
        ? `The user ${name} is not in the group ${group}, whose members may use this machine's manager`
        : `Only root may use this machine's manager: there is no group ${group}`,
      {
        subject: name,
        hint: `Root can let ${name} in with: ${joinGroup(group, name)}. Members of that group can become root.`,
      },
    );
  }
}

/** The fields of an entry; undefined where there is none. */
async function lookUp(database: "passwd" | "group", key: string): Promise<string[] | undefined> {
  const { code, stdout } = await runCommand(["getent", database, key]);
  return code === 0 ? stdout.toString("utf8").trim().split(":") : undefined;
}
