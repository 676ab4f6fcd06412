import { statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/**
 * Where things lie on disk. `data` outlives a reboot, `state` need not. Everything else is derived
 * here, so that the layout can be read in one place:
 *
 *     data/meta/                        lmdb: records of containers, images, checkpoints, settings
 *     data/host.json, data/shims.json   what was probed on this host
 *     data/content/                     images' blobs: an OCI image layout
 *     data/layers/KIND/DIGEST/          a layer: layer.json and layer.erofs or tree/
 *     data/builds/storage/              what builds keep for the next ones: buildah's own
 *     data/work/ID/                     what one operation needs on its way; emptied at each start
 *     data/view/                        empty: where a file system is mounted to look into it, in a namespace of its own
 *     data/sign-ins.json                registries' passwords; data/sign-ins.keychain.json: encrypted
 *     data/containers/NS/ID/            what outlives a task: upper/ work/ log
 *     data/tasks/NS/ID/                 the bundle: config.json rootfs/ state.json processes/init processes/EXEC
 *     data/volumes/NAME/                a named volume: files/ is what containers see
 *     data/checkpoints/ID/              image/ (criu's) work/ (its logs)
 *     data/extensions/NAME/             an extension's own files: rootfs/ log
 *     data/elsewhere/ID/                what is ours in another owner's container: processes/ checkpoints/
 *     data/projects/NAME/               configs and secrets whose text is in a compose file
 *     data/journal/                     the event journal
 *     state/manager.sock                held by the one manager of this root
 *     state/RUNTIME/                    the OCI runtime's own --root
 *     state/shim-events.sock            where containerd's shims send their events
 */
export interface Paths {
  readonly data: string;
  readonly state: string;
}

/**
 * The paths of this user: `root` overrides both (tests, SHIMYARD_ROOT). Else /var/lib and /run for root, and the XDG
 * base directories for an ordinary user, of which relative ones are none (basedir-spec). The runtime directory must be
 * the user's own, which it is not after su; where no login has named it, systemd's place for it is looked at, so that
 * every login finds the same containers. `owner` answers a directory's user id, for tests.
 */
export function resolvePaths(
  env: NodeJS.ProcessEnv,
  uid: number,
  home: string,
  root?: string,
  owner: (directory: string) => number | undefined = ownerOf,
): Paths {
  if (root) return { data: join(root, "data"), state: join(root, "state") };
  if (uid === 0) return { data: "/var/lib/shimyard", state: "/run/shimyard" };
  const { XDG_DATA_HOME: dataHome = "", XDG_RUNTIME_DIR: named = "" } = env;
  const data = join(isAbsolute(dataHome) ? dataHome : join(home, ".local/share"), "shimyard");
  const runtimeDir = [named, `/run/user/${uid}`].find(
    (directory) => isAbsolute(directory) && owner(directory) === uid,
  );
  return { data, state: runtimeDir ? join(runtimeDir, "shimyard") : join(data, "state") };
}

function ownerOf(directory: string): number | undefined {
  try {
    return statSync(directory).uid;
  } catch {
    return undefined;
  }
}

export const containerDir = (paths: Paths, namespace: string, id: string): string =>
  join(paths.data, "containers", namespace, id);
export const containerLog = (paths: Paths, namespace: string, id: string): string =>
  join(containerDir(paths, namespace, id), "log");
export const tasksDir = (paths: Paths): string => join(paths.data, "tasks");
export const bundleDir = (paths: Paths, namespace: string, id: string): string =>
  join(tasksDir(paths), namespace, id);
/** Where images lay as directories before they had layers: only to be removed. */
export const imageDir = (paths: Paths, id: string): string => join(paths.data, "images", id);
export const contentDir = (paths: Paths): string => join(paths.data, "content");
export const buildsDir = (paths: Paths): string => join(paths.data, "builds");
export const workDir = (paths: Paths, id: string): string => join(paths.data, "work", id);
export const layersDir = (paths: Paths, kind: "erofs" | "directory"): string =>
  join(paths.data, "layers", kind);
export const viewDir = (paths: Paths): string => join(paths.data, "view");
export const signInsFile = (paths: Paths, kind: "file" | "keychain"): string =>
  join(paths.data, kind === "file" ? "sign-ins.json" : "sign-ins.keychain.json");
export const volumesDir = (paths: Paths): string => join(paths.data, "volumes");
export const checkpointDir = (paths: Paths, id: string): string =>
  join(paths.data, "checkpoints", id);
export const elsewhereDir = (paths: Paths): string => join(paths.data, "elsewhere");
export const extensionDir = (paths: Paths, name: string): string =>
  join(paths.data, "extensions", name);
export const extensionLog = (paths: Paths, name: string): string =>
  join(extensionDir(paths, name), "log");
export const projectDir = (paths: Paths, name: string): string =>
  join(paths.data, "projects", name);
