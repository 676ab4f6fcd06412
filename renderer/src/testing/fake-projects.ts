import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { ComposeNote, Project, ProjectPlan, ProjectSource } from "#shared/contract/projects";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";

export const fakeComposeText = `name: shop
services:
  web:
    image: nginx:1.27
    mem_swappiness: 10
    depends_on: [db]
  db:
    image: postgres:16
    logging: { driver: none }
`;

const source: ProjectSource = {
  ...{ directory: "/srv/shop", files: [{ name: "compose.yaml", text: fakeComposeText }] },
  ...{ env: "", profiles: [] },
};

const notes: ComposeNote[] = [
  {
    ...{ level: "lost", file: "compose.yaml", line: 5, path: "services.web.mem_swappiness" },
    message: "How readily it is swapped out can't be set here",
  },
  {
    ...{ level: "vain", file: "compose.yaml", line: 9, path: "services.db.logging" },
    message: "What it writes is always kept and shown",
  },
];

/** One that runs, and one that was imported and never started. */
export function fakeProjects(containers: readonly Container[]): Project[] {
  const [web, db] = containers.filter(({ state }) => state.status === "running");
  const running = (name: string, image: string, container: Container | undefined) => ({
    ...{ name, image, replicas: 1, containers: container ? [container.id] : [] },
    running: container ? 1 : 0,
  });
  const base = { imported: true, importedAt: Date.now() - 86_400_000 };
  return [
    {
      ...{ id: "shop", directory: "/srv/shop", ...base, state: "running" },
      services: [running("web", "nginx:1.27", web), running("db", "postgres:16", db)],
    },
    {
      ...{ id: "blog", ...base, state: "none" },
      services: [running("blog", "ghost:5", undefined)],
    },
  ];
}

/** Reads nothing: a text with “services:” is a project named by its first line, any other is wrong. */
function planOf({ files, name }: ProjectSource): ProjectPlan {
  const text = files.map((file) => file.text).join("\n");
  const plan: ProjectPlan = {
    ...{ name: name ?? /^name: (.*)$/m.exec(text)?.[1] ?? "pasted", notes: [], services: [] },
    ...{ networks: [], volumes: [], idle: [], orphans: [] },
  };
  if (!text.includes("services:")) {
    const message = "A compose file begins with keys, as services:";
    return {
      ...plan,
      notes: [{ level: "error", file: "compose.yaml", line: 1, path: "", message }],
    };
  }
  return {
    ...plan,
    notes,
    services: [
      {
        ...{ name: "web", image: "nginx:1.27", imageAction: "pull", after: ["db"] },
        containers: [{ name: "shop-web-1", action: "create" }],
      },
    ],
    networks: [{ name: "shop_default", action: "create" }],
    idle: text.includes("profiles:") ? [{ name: "debug", profiles: ["debug"] }] : [],
  };
}

export function fakeProjectHandlers(
  projects: FakeList<Project>,
  containers: FakeList<Container>,
): Handlers<AppContract>["projects"] {
  const change = (id: string, values: Partial<Project>): void =>
    projects.patch(id, (project) => ({ ...project, ...values }));
  return {
    watch: (_, { signal }) => projects.watch(signal),
    list: () => [...projects.items.values()],
    get: ({ id }) => {
      const project = projects.items.get(id) as Project;
      const ids = new Set(project.services.flatMap((service) => service.containers));
      const own = [...containers.items.values()].filter((one) => ids.has(one.id));
      return { project, source, notes, containers: own };
    },
    open: ({ path }) => ({ ...source, directory: path.replace(/\/[^/]*\.ya?ml$/, "") }),
    check: ({ source }) => planOf(source),
    plan: () => planOf(source),
    import: ({ source }) => {
      const { name } = planOf(source);
      projects.put({
        ...{ id: name, imported: true, importedAt: Date.now(), state: "none", services: [] },
        ...(source.directory === undefined ? {} : { directory: source.directory }),
      });
      return { id: name };
    },
    remove: ({ id }) => {
      projects.remove(id);
      return {};
    },
    up: ({ id }) => {
      change(id, { state: "running" });
      return {};
    },
    stop: ({ id }) => {
      change(id, { state: "stopped" });
      return {};
    },
    restart: () => ({}),
    down: ({ id }) => {
      change(id, { state: "none" });
      return {};
    },
  };
}
