import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function logHandlers({ logs }: Core): Handlers<AppContract>["logs"] {
  return {
    read: (input) => logs.read(input),
    follow: (input, context) => logs.follow(input, context),
    search: (input, context) => logs.search(input, context),
    download: (input, context) => logs.download(input, context),
  };
}
