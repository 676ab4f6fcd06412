import { Disclosure } from "../../components/disclosure.tsx";
import { NetworkFields } from "./network-fields.tsx";
import { type NetworkForm, networkSummary } from "./network-form.ts";

/** How it is connected; closed, it says so in a line. */
export function NetworkSection(props: {
  form: NetworkForm;
  set: (form: NetworkForm) => void;
  errorOf: (field: "networks" | "ports") => string | undefined;
}) {
  const { form, errorOf } = props;
  return (
    <Disclosure
      label="Network"
      summary={networkSummary(form)}
      force={errorOf("networks") !== undefined || errorOf("ports") !== undefined}
    >
      <NetworkFields {...props} />
    </Disclosure>
  );
}
