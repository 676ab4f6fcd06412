import type { Permission } from "#shared/contract/extensions";
import { Checkbox } from "../../components/fields.tsx";
import { permissionWords } from "./extension-state.ts";

/** What an extension asks for, each to be allowed or not. */
export function Permissions(props: {
  asked: Permission[];
  granted: Permission[];
  onChange: (granted: Permission[]) => void;
}) {
  const { asked, granted, onChange } = props;
  if (asked.length === 0) return <p className="dim">It asks for nothing.</p>;
  return (
    <ul className="extensions__permissions">
      {asked.map((permission) => {
        const { title, meaning } = permissionWords[permission];
        return (
          <li key={permission}>
            <Checkbox
              label={title}
              hint={meaning}
              checked={granted.includes(permission)}
              onChange={(on) =>
                onChange(asked.filter((one) => (one === permission ? on : granted.includes(one))))
              }
            />
          </li>
        );
      })}
    </ul>
  );
}
