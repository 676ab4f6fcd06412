import { useQuery } from "@tanstack/react-query";
import { JsonView } from "../../components/json-view.tsx";
import { useClient } from "../../queries/client.tsx";
import { useContainer } from "../../queries/containers.ts";

/** The record, the OCI spec and the runtime's state, as they are. */
export function InspectView(props: { id: string }) {
  const { id } = props;
  const client = useClient();
  const state = useContainer(id)?.state;
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["inspect", id, state],
    queryFn: ({ signal }) => client.call("containers.inspect", { id }, { signal }),
    placeholderData: (before) => before,
    gcTime: 0,
  });
  return (
    <JsonView
      error={error}
      refreshing={isFetching}
      onRefresh={() => void refetch()}
      parts={[
        {
          value: "record",
          label: "Record",
          text: data?.record,
          absent: "There is no record.",
        },
        {
          value: "spec",
          label: "OCI spec",
          text: data?.spec,
          absent: "No OCI spec has been made yet: the container was never started.",
        },
        {
          value: "runtime",
          label: "Runtime",
          text: data?.runtime,
          absent: "The runtime knows nothing of it: the container is not running.",
        },
      ]}
    />
  );
}
