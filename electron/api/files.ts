import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function fileHandlers({ files }: Core): Handlers<AppContract>["files"] {
  return {
    list: (input, context) => files.list(input, context),
    stat: (input, context) => files.stat(input, context),
    readText: (input, context) => files.readText(input, context),
    download: (input, context) => files.download(input, context),
    upload: (input, up, context) => files.upload(input, up, context),
    makeDirectory: (input, context) => files.makeDirectory(input, context),
    rename: (input, context) => files.rename(input, context),
    delete: async (input) => {
      await files.delete(input);
      return {};
    },
    diff: (input, context) => files.diff(input, context),
    copyToHost: (input) => files.copyToHost(input),
    copyFromHost: (input) => files.copyFromHost(input),
  };
}
