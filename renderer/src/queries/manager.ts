import { useQuery } from "@tanstack/react-query";
import type { AppError } from "#shared/errors";
import { useShell } from "./client.tsx";

export const managerKeys = {
  setUp: ["manager", "set-up"] as const,
  reached: ["manager", "reached"] as const,
};

/** How the machine's manager is had here; asked anew by each who shows it, for it is changed outside. */
export function useServiceSetUp() {
  const shell = useShell();
  return useQuery({
    queryKey: managerKeys.setUp,
    queryFn: ({ signal }) => shell.call("shell.serviceSetUp", {}, { signal }),
    refetchOnMount: "always",
  }).data;
}

/** Whether the machine's manager lets this user in; undefined until that is known. `again` asks anew. */
export function useServiceReached(): {
  reached: true | AppError | undefined;
  asking: boolean;
  again: () => void;
} {
  const shell = useShell();
  const query = useQuery<object, AppError>({
    queryKey: managerKeys.reached,
    queryFn: ({ signal }) => shell.call("shell.reachService", {}, { signal }),
    refetchOnMount: "always",
  });
  return {
    reached: query.error ?? (query.data ? true : undefined),
    asking: query.isFetching,
    again: () => void query.refetch(),
  };
}
