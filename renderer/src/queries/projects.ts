import { useMutation, useQuery } from "@tanstack/react-query";
import type { Project, ProjectDetail, ProjectPlan, ProjectSource } from "#shared/contract/projects";
import { useClient, useCollection, useCollectionItem } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

export const projectKeys = {
  all: ["projects"] as const,
  detail: (id: string) => ["project", id] as const,
};

export const projectSource: CollectionSource<"projects.watch"> = {
  key: projectKeys.all,
  method: "projects.watch",
};

export function useProjects(): Collection<Project> {
  return useCollection(projectSource);
}

export function useProject(id: string | undefined): Project | undefined {
  return useCollectionItem(projectSource, id);
}

/** Its source and what is said of it; asked again when the source may be another one. */
export function useProjectDetail(project: Project): {
  detail: ProjectDetail | undefined;
  error: Error | null;
} {
  const client = useClient();
  const { id, importedAt, services } = project;
  const names = services.map(({ name, image }) => `${name} ${image}`).join();
  const { data, error } = useQuery({
    queryKey: [...projectKeys.detail(id), importedAt, names],
    queryFn: ({ signal }) => client.call("projects.get", { id }, { signal }),
    placeholderData: (previous) => (previous?.project.id === id ? previous : undefined),
    gcTime: 0,
  });
  return { detail: data, error };
}

/** What a source says and would do; undefined while there is nothing to read. */
export function useProjectCheck(source: ProjectSource | undefined): {
  plan: ProjectPlan | undefined;
  error: Error | null;
  isChecking: boolean;
} {
  const client = useClient();
  const { data, error, isFetching } = useQuery({
    queryKey: ["project-check", source],
    queryFn: ({ signal }) =>
      client.call("projects.check", { source: source as ProjectSource }, { signal }),
    enabled: source !== undefined,
    // What is kept from before is shown until the new one is there.
    placeholderData: (previous) => (source ? previous : undefined),
    gcTime: 0,
  });
  return { plan: data, error, isChecking: isFetching };
}

/** Reads a compose file, or the one in a directory, of this machine. */
export function useOpenProject() {
  const client = useClient();
  return useMutation({ mutationFn: (path: string) => client.call("projects.open", { path }) });
}

export function useImportProject() {
  const client = useClient();
  return useMutation({
    mutationFn: (source: ProjectSource) => client.call("projects.import", { source }),
  });
}
