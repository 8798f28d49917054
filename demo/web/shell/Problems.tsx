import { dismissProblem, problems } from "../state.js";

/** What went wrong, until it is dismissed. */
export function Problems() {
  return (
    <div role="alert" class="problems">
      {problems.value.map(({ id, doing, message }) => (
        <div key={id} class="problem">
          <p>
            <strong>{doing}:</strong> {withoutName(doing, message)}
          </p>
          <button type="button" onClick={() => dismissProblem(id)} aria-label={`Dismiss: ${doing}`}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}

/** "Reading x.png" has the name that messages about files begin with. */
function withoutName(doing: string, message: string): string {
  const end = message.indexOf(": ");
  return end > 0 && doing.endsWith(` ${message.slice(0, end)}`) ? message.slice(end + 2) : message;
}
