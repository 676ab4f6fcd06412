import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";
import "./empty-state.css";

/** Nothing here: why, and what to do first. */
export function EmptyState(props: {
  icon?: LucideIcon;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  const { icon, title, children, actions } = props;
  return (
    <div className="empty">
      {icon && <Icon of={icon} size={28} className="empty__icon" />}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div className="empty__actions">{actions}</div>}
    </div>
  );
}
