import { fireEvent, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { renderAs } from "../../testing/render";
import type { Column } from "./columns";
import { DataTable } from "./DataTable";

type Fruit = { id: string; weight: number };

const fruits = (count: number): Fruit[] =>
  Array.from({ length: count }, (_, index) => ({ id: `f${index}`, weight: index }));
const columns: Column<Fruit>[] = [
  { key: "id", title: "Name", cell: ({ id }) => id, sort: "up" },
  { key: "weight", title: "Weight", cell: ({ weight }) => weight, sort: "down" },
  { key: "do", title: "", cell: ({ id }) => <button type="button">{`Eat ${id}`}</button> },
];
const keyOf = ({ id }: Fruit) => id;
const marks = ({ id }: Fruit) => ({ "data-fruit": id });
const shared = { label: "Fruits", columns, keyOf, marks };
const reading = (part: object) => ({
  isPending: false,
  isError: false,
  error: null,
  refetch: vi.fn(),
  ...part,
});

const open = vi.fn();
const sort = vi.fn();

function Many({ rows = fruits(1000), onMore }: { rows?: Fruit[]; onMore?: () => void }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  return (
    <DataTable
      {...shared}
      rows={rows}
      rowHeight={30}
      sorting={{ by: "id", onSort: sort }}
      choice={{
        chosen,
        onChoose: key => setChosen(new Set([...chosen, key])),
        labelOf: ({ id }) => `Choose ${id}`,
        all: { extent: "none", label: "Choose all", onChoose: () => setChosen(new Set(["all"])) },
      }}
      onOpen={open}
      {...(onMore && { onMore })}
    />
  );
}

describe("a plain table", () => {
  it("has a name, a head for each column and a row for each record", () => {
    renderAs("VIEWER", <DataTable {...shared} rows={fruits(2)} />);
    const table = screen.getByRole("table", { name: "Fruits" });
    const heads = within(table).getAllByRole("columnheader");
    expect(heads.map(({ textContent }) => textContent)).toEqual(["Name", "Weight", "Actions"]);
    expect(within(table).getAllByRole("row")).toHaveLength(3);
    expect(table.querySelectorAll("[data-fruit=f1]")).toHaveLength(1);
  });

  it("keeps its rows when they cannot be read again, and says so", async () => {
    const failed = reading({ isError: true, error: new Error("broken") });
    renderAs("VIEWER", <DataTable {...shared} rows={fruits(2)} reading={failed} empty="None" />);
    expect(screen.getByRole("alert").textContent).toContain("broken");
    expect(screen.getAllByRole("row")).toHaveLength(3);
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(failed.refetch).toHaveBeenCalledOnce();
  });

  it("claims that there is nothing only when that was read", () => {
    const failed = reading({ isError: true, error: new Error("broken") });
    const { unmount } = renderAs(
      "VIEWER",
      <DataTable {...shared} rows={[]} reading={failed} empty="None" />,
    );
    expect(screen.queryByText("None")).toBeNull();
    unmount();
    renderAs("VIEWER", <DataTable {...shared} rows={[]} reading={reading({})} empty="None" />);
    expect(screen.getByText("None")).toBeTruthy();
    expect(screen.queryByRole("table")).toBeNull();
  });

  it("waits where nothing is known yet", () => {
    const waiting = reading({ isPending: true });
    renderAs("VIEWER", <DataTable {...shared} rows={[]} reading={waiting} empty="None" />);
    expect(screen.getByRole("status", { name: "Loading…" })).toBeTruthy();
    expect(screen.queryByText("None")).toBeNull();
  });
});

describe("a table of many rows", () => {
  const grid = () => screen.getByRole("grid", { name: "Fruits" });
  const press = (key: string, target: Element = grid()) => fireEvent.keyDown(target, { key });
  const activeRow = () => {
    const id = grid().getAttribute("aria-activedescendant");
    return id === null ? null : document.getElementById(id)?.getAttribute("data-fruit");
  };

  it("draws those in sight, and says how many there are", () => {
    renderAs("VIEWER", <Many />);
    expect(grid().getAttribute("aria-rowcount")).toBe("1001");
    const drawn = within(grid()).getAllByRole("row").length;
    expect(drawn).toBeGreaterThan(5);
    expect(drawn).toBeLessThan(100);
  });

  it("moves by arrows, chooses by space, opens by Enter", () => {
    renderAs("VIEWER", <Many />);
    expect(activeRow()).toBeNull();
    press("ArrowDown");
    press("ArrowDown");
    expect(activeRow()).toBe("f1");
    press(" ");
    expect(screen.getByRole("row", { selected: true }).getAttribute("data-fruit")).toBe("f1");
    press("Enter");
    expect(open).toHaveBeenLastCalledWith("f1");
  });

  it("leaves Enter and space of a button inside to the button", () => {
    open.mockClear();
    renderAs("VIEWER", <Many />);
    press("ArrowDown");
    const head = screen.getByRole("button", { name: "Weight" });
    expect([press("Enter", head), press(" ", head)]).toEqual([true, true]); // not prevented
    expect(open).not.toHaveBeenCalled();
    expect(screen.queryByRole("row", { selected: true })).toBeNull();
  });

  it("takes the keys back from a box that was clicked, once an arrow moves", async () => {
    renderAs("VIEWER", <Many />);
    const box = screen.getByRole("checkbox", { name: "Choose f0" });
    await userEvent.click(box);
    expect(document.activeElement).toBe(box);
    press("ArrowDown", box);
    expect(document.activeElement).toBe(grid());
  });

  it("stays at its row when others move", () => {
    const { rerender, wrap } = renderAs("VIEWER", <Many />);
    press("ArrowDown");
    press("ArrowDown");
    rerender(wrap(<Many rows={fruits(1000).reverse().slice(-5)} />));
    expect(activeRow()).toBe("f1");
  });

  it("sorts by a head, first the way that the column asks for", async () => {
    renderAs("VIEWER", <Many />);
    expect(screen.getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort")).toBe(
      "ascending",
    );
    await userEvent.click(screen.getByRole("button", { name: "Weight" }));
    expect(sort).toHaveBeenLastCalledWith("-weight");
  });

  it("asks for more before its end, and does not know how many there are until then", () => {
    const onMore = vi.fn();
    renderAs("VIEWER", <Many rows={fruits(25)} onMore={onMore} />);
    expect(onMore).toHaveBeenCalled();
    expect(grid().getAttribute("aria-rowcount")).toBe("-1");
  });
});
