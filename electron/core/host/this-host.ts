import { userInfo } from "node:os";
import { delimiter } from "node:path";

/** The machine that is looked at. Tests look at one made of a few files. */
export interface Host {
  /** What stands for `/` when looking for files. */
  root: string;
  /** Directories of commands, in order. */
  searchPath: string[];
  uid: number;
  userName: string;
}

/** An ordinary user's PATH often lacks the directories where runc, iptables and mount lie. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The machine that this process runs on, as its user sees it. */
export function thisHost(): Host {
  const { uid, username } = userInfo();
  const path = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return {
    root: "/",
    searchPath: [...new Set([...path, ...systemDirectories])],
    uid,
    userName: username,
  };
}
