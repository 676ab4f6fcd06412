import { dirname, join } from "node:path";
import { runMain, UserError } from "./lib/console.mjs";
import { must, which } from "./lib/exec.mjs";
import { root } from "./lib/places.mjs";

/**
 * `npm run proto`: writes NAME_pb.ts beside each of these anew. They are committed, so that only who changes a
 * message needs protoc (Debian's protobuf-compiler).
 */
const files = [
  "electron/core/ttrpc/proto/ttrpc.proto",
  "electron/core/runtime/shim/proto/shim.proto",
  "electron/core/runtime/shim/proto/runhcs.proto",
  "electron/core/runtime/containerd/proto/containerd.proto",
];

await runMain(async () => {
  if (!(await which("protoc"))) throw new UserError("Install protoc (Debian: protobuf-compiler).");
  const plugin = join(root, "node_modules/.bin/protoc-gen-es");
  for (const file of files) {
    const directory = join(root, dirname(file));
    const args = [`--plugin=${plugin}`, "--es_opt=target=ts", `--es_out=${directory}`];
    await must("protoc", [...args, `-I${directory}`, join(root, file)], {
      failure: `${file} could not be translated.`,
    });
  }
});
