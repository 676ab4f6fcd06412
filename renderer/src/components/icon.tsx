import type { LucideIcon } from "lucide-react";

/** A lucide icon as the look has them: 16 px, stroke 1.5, silent for screen readers. */
export function Icon(props: { of: LucideIcon; size?: number; className?: string }) {
  const { of: Glyph, size = 16, className } = props;
  return (
    <Glyph
      size={size}
      strokeWidth={1.5}
      absoluteStrokeWidth={false}
      aria-hidden="true"
      className={className}
    />
  );
}
