import { Link } from "@tanstack/react-router";
import type { UsersSearch } from "./search";

/** Beside the title of one of them: to all of them. */
export function Back({ to, label }: { to: UsersSearch; label: string }) {
  return (
    <span className="dim">
      <Link to="/users" search={to}>
        {label}
      </Link>
    </span>
  );
}
