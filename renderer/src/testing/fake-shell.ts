import type { ShellContract } from "#shared/contract/shell";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";

/** A browser on a machine whose own manager is not installed. */
export function fakeShell(): Handlers<ShellContract> {
  return {
    shell: {
      host: () => ({ shell: "browser", pickPath: false }),
      pickPath: () => ({ path: "/srv/images/alpine.tar.gz" }),
      serviceSetUp: () => ({
        socket: "/run/shimyard.sock",
        group: "shimyard",
        installed: false,
        same: false,
        steps: [
          {
            kind: "install",
            title: "Install it",
            command: "sudo tee /etc/systemd/system/shimyard-manager.service <<'END'\n…\nEND",
          },
          {
            kind: "start",
            title: "Start it, now and at every boot",
            command: "sudo systemctl enable --now shimyard-manager",
          },
          {
            kind: "join",
            title: "Let mara use it",
            command:
              "sudo groupadd --system --force shimyard && sudo usermod --append --groups shimyard mara",
          },
        ],
        remove: "sudo systemctl disable --now shimyard-manager",
      }),
      reachService: () => {
        throw new AppError("NOT_FOUND", "This machine's manager is not installed");
      },
    },
  };
}
