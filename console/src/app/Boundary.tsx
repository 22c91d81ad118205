import { Component, type ReactNode } from "react";
import { ProblemLine } from "../parts/ProblemLine";
import { useText } from "../text";

/** Keeps a page that fails from taking the console with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Crashed error={this.state.error} retry={() => this.setState({ error: null })} />;
  }
}

export function Crashed({ error, retry }: { error: unknown; retry: () => void }) {
  const text = useText().shell;
  return (
    <div style={{ padding: 20 }}>
      <h1>{text.crashed}</h1>
      <p className="dim">{text.crashedHint}</p>
      <ProblemLine error={error} onRetry={retry} />
    </div>
  );
}
