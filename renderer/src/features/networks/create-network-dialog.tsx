import { useState } from "react";
import { NetworkFields, type NetworkForm, toNetworkConfig } from "./network-form.tsx";
import { announce } from "../../components/notices.ts";
import { useCreateNetwork } from "../../queries/networks.ts";
import { RequestForm } from "../fields/request-form.tsx";

const empty: NetworkForm = {
  ...{ name: "", subnet: "", gateway: "", subnet6: "" },
  ...{ ipv6: false, internal: false },
};

/** A name is enough; the rest is chosen so that nothing on this machine overlaps. */
export function CreateNetworkDialog(props: { onClose: () => void }) {
  const { onClose } = props;
  const [form, setForm] = useState(empty);
  const create = useCreateNetwork();
  const ready = /^[a-zA-Z0-9]/.test(form.name);
  return (
    <RequestForm
      title="New network"
      description="Its containers reach each other by name, and no other network's."
      action="Create"
      failure="It was not created"
      fields={[]}
      run={create}
      ready={ready}
      onClose={onClose}
      onSubmit={() =>
        create.mutate(toNetworkConfig(form), {
          onSuccess: ({ id, subnet }) => {
            announce(`${id} created, ${subnet}`);
            onClose();
          },
        })
      }
    >
      <NetworkFields
        form={form}
        set={(change) => {
          setForm({ ...form, ...change });
          if (create.isError) create.reset();
        }}
      />
    </RequestForm>
  );
}
