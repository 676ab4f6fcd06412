import type { AppContract } from "#shared/contract/index";
import type { Registry } from "#shared/contract/registries";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";

/** One of each sort: known, signed in, of one's own, and one that is not trusted. */
export function fakeRegistries(): Registry[] {
  const plain = { mirrors: [], insecure: false, own: false };
  return [
    { ...plain, id: "docker.io", own: true, mirrors: ["mirror.atelier.example"] },
    { ...plain, id: "ghcr.io", user: "mara", credentials: "keychain" },
    { ...plain, id: "quay.io", user: "atelier+ci", credentials: "auth-file" },
    {
      ...{ ...plain, id: "registry.atelier.example:5000", own: true },
      ca: "/etc/ssl/atelier/ca.pem",
    },
    { ...plain, id: "10.0.3.7:5000", own: true, insecure: true },
  ];
}

/** Whoever signs in with the password `wrong` is refused. */
export function fakeRegistryHandlers(
  registries: FakeList<Registry>,
): Handlers<AppContract>["registries"] {
  return {
    watch: (_, { signal }) => registries.watch(signal),
    put: ({ host, ...settings }) => {
      const before = registries.items.get(host);
      registries.put({ ...before, ...settings, id: host, own: true });
      return {};
    },
    remove: ({ host }) => {
      registries.remove(host);
      return {};
    },
    test: ({ host }) => {
      const registry = registries.items.get(host);
      if (host.startsWith("10.")) {
        return {
          ok: false,
          needsSignIn: false,
          error: {
            code: "UNAVAILABLE",
            message: `${host} does not answer`,
            details: { hint: "Is it on?", output: "connect ECONNREFUSED 10.0.3.7:5000" },
          },
        };
      }
      return { ok: true, needsSignIn: registry?.user === undefined, user: registry?.user };
    },
    signIn: ({ host, user, password }) => {
      if (password === "wrong") {
        throw new AppError("UNAUTHENTICATED", `${host} refuses ${user} with this password`, {
          field: "password",
        });
      }
      const before = registries.items.get(host);
      registries.put({
        ...(before ?? { mirrors: [], insecure: false, own: false }),
        ...{ id: host, user, credentials: "keychain" },
      });
      return {};
    },
    signOut: ({ host }) => {
      registries.patch(host, ({ user: _user, credentials: _kept, ...rest }) => rest);
      return {};
    },
  };
}
