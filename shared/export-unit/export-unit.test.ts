import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyDraft, type RunDraft } from "../run-line/draft.ts";
import { draftArbitrary } from "../run-line/testing.ts";
import { exportUnit, type UnitForm } from "./export-unit.ts";
import { comparable, draftOfWords, systemdWords, unitValues } from "./testing.ts";
import { unitWords } from "./unit-words.ts";

const web: RunDraft = { ...emptyDraft, name: "web" };
const written = (draft: RunDraft, form: UnitForm, user = false) =>
  exportUnit(draft, "nginx:1", { form, user });

it("words are read back as systemd reads them", { timeout: 60_000 }, () => {
  const word = fc
    .string({
      unit: fc.oneof(
        fc.constantFrom("%", "$", '"', "'", "\\", ";", " ", "\n", "\u0001", "{"),
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
      ),
      maxLength: 20,
    })
    .map((text) => text.replaceAll("\0", ""));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      expect(systemdWords(unitWords(words))).toEqual(words);
    }),
  );
  expect(unitWords(["50%", "$HOME", "it's", "", ";", "a\tb"])).toBe(
    `"50%%" "$$HOME" "it's" "" ";" "a\\tb"`,
  );
});

describe("a unit that calls a program", () => {
  const command: Record<"podman" | "docker", (unit: string) => string | undefined> = {
    podman: (unit) => unitValues(unit, "ExecStart")[0],
    docker: (unit) => unitValues(unit, "ExecStartPre")[1],
  };

  it.each(["podman", "docker"] as const)(
    "makes that container with %s",
    { timeout: 60_000 },
    (form) => {
      fc.assert(
        fc.property(draftArbitrary, (any) => {
          const { startIntervalSeconds: _, ...check } = any.healthCheck ?? {};
          const healthCheck = Object.keys(check).length > 0 ? check : undefined;
          // Of docker's checks podman has all but one value.
          const { healthCheck: _check, ...rest } = { ...any, name: "web" };
          const draft = { ...rest, ...(healthCheck ? { healthCheck } : {}) };
          const { text } = written(draft, form);
          const made = draftOfWords(systemdWords(command[form](text) ?? ""));
          expect(comparable(made.draft)).toEqual(comparable(draft));
          expect(made.image).toBe("docker.io/library/nginx:1");
        }),
      );
    },
  );

  it("is told by podman when it runs, and waits for docker's container", () => {
    expect(written(web, "podman").text).toBe(
      `[Unit]
Description=Container web of docker.io/library/nginx:1
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=all
Environment=PODMAN_SYSTEMD_UNIT=%n
ExecStart=/usr/bin/podman run -d --rm --replace --sdnotify=conmon --cgroups=no-conmon --cidfile=%t/%n.ctr-id \\
    --name web \\
    docker.io/library/nginx:1
ExecStop=/usr/bin/podman stop --ignore --cidfile=%t/%n.ctr-id
ExecStopPost=/usr/bin/podman rm -f --ignore --cidfile=%t/%n.ctr-id
Restart=no
TimeoutStartSec=900
TimeoutStopSec=40

[Install]
WantedBy=multi-user.target
`,
    );
    expect(unitValues(written(web, "docker").text, "ExecStart")).toEqual([
      "/usr/bin/docker start --attach web",
    ]);
  });
});

describe("a Quadlet file", () => {
  it("has podman's own keys where there are such", () => {
    const draft: RunDraft = {
      ...web,
      ...{ args: ["sh", "-c", "echo $A; sleep 9"], env: ["A=50% of it"], user: "1000:1000" },
      ports: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
      mounts: [{ type: "bind", source: "/srv/my files", target: "/www", readOnly: true }],
      networks: [{ name: "back", ip4: "10.89.0.7", aliases: ["db"] }],
      healthCheck: { test: ["CMD-SHELL", "curl -f http://localhost/ || exit 1"], retries: 5 },
      limits: { memory: 64 * 1024 ** 2 },
      security: { capAdd: ["CAP_NET_ADMIN"], noNewPrivileges: true },
      restart: { name: "on-failure", maximumRetries: 3 },
      stopGraceSeconds: 60,
    };
    const { text, fileName, directory, commands } = written(draft, "quadlet", true);
    expect(text.split("\n")).toEqual([
      ...["[Unit]", "Description=Container web of docker.io/library/nginx:1"],
      ...["StartLimitIntervalSec=infinity", "StartLimitBurst=4", ""],
      ...["[Container]", "Image=docker.io/library/nginx:1", "ContainerName=web"],
      ...["User=1000:1000", 'Environment="A=50%% of it"', "PublishPort=8080:80"],
      ...["Volume=/srv/my files:/www:ro", "PodmanArgs=--stop-timeout=60", "HealthRetries=5"],
      ...["PodmanArgs=--memory=64m", "PodmanArgs=--memory-swap=64m", "AddCapability=NET_ADMIN"],
      ...["NoNewPrivileges=true", "HealthCmd=curl -f http://localhost/ || exit 1"],
      ...["Network=back:ip=10.89.0.7,alias=db", 'Exec=sh -c "echo $$A; sleep 9"', ""],
      ...["[Service]", "Restart=on-failure", "RestartSec=2"],
      ...[
        "TimeoutStartSec=900",
        "TimeoutStopSec=90",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
      ],
    ]);
    expect(`${directory}/${fileName}`).toBe("~/.config/containers/systemd/container-web.container");
    expect(commands).toEqual([
      "systemctl --user daemon-reload",
      "systemctl --user start container-web.service",
      "loginctl enable-linger",
    ]);
  });

  it("names what it can't say", () => {
    const draft: RunDraft = {
      ...web,
      ...{ args: ["a", "", ";"], runtime: "oci/crun", restart: { name: "unless-stopped" } },
      ...{ networks: [{ name: "back" }], healthCheck: { startIntervalSeconds: 2 } },
    };
    const { notes, text } = written(draft, "quadlet");
    const flags = (lost: boolean) =>
      notes.filter((note) => note.lost === lost).map(({ flag }) => flag);
    expect(flags(true)).toEqual(["oci/crun", "--health-start-interval 2s", '""', ";"]);
    expect(flags(false)).toEqual(["--network back", "--restart unless-stopped"]);
    expect(unitValues(text, "Restart")).toEqual(["always"]);
  });
});

it.each([
  ["nginx", "docker.io/library/nginx"],
  ["me/app:1", "docker.io/me/app:1"],
  ["localhost/app", "localhost/app"],
  ["localhost:5000/app", "localhost:5000/app"],
  ["ghcr.io/me/app@sha256:0", "ghcr.io/me/app@sha256:0"],
])("%s is %s to podman, which is not asked which it means", (image, full) => {
  const { text } = exportUnit(web, image, { form: "quadlet", user: false });
  expect(unitValues(text, "Image")).toEqual([full]);
});

it("podman is told of a user namespace, which docker can't be", () => {
  const maps = { uids: [{ inside: 0, outside: 100_000, size: 9 }] };
  const gids = [{ inside: 0, outside: 200_000, size: 9 }];
  const unit = written({ ...web, userns: { ...maps, gids } }, "podman");
  expect(unitValues(unit.text, "ExecStart")[0]).toMatch(
    / --uidmap 0:100000:9 +--gidmap 0:200000:9 /,
  );
  expect(unit.notes.filter(({ lost }) => lost)).toEqual([]);
  const { notes } = written({ ...web, userns: { auto: 1000 } }, "docker");
  expect(notes.map(({ flag }) => flag)).toContain("user namespace");
});
