import { create } from "zustand";
import { persist } from "zustand/middleware";

export interface LogPreferences {
  timestamps: boolean;
  wrap: boolean;
}

/** How logs are shown, everywhere alike. */
export const useLogPreferences = create<LogPreferences>()(
  persist((): LogPreferences => ({ timestamps: true, wrap: false }), {
    name: "shimyard.logs",
    version: 1,
  }),
);
