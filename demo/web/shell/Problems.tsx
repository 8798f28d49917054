import { dismissProblem, problems } from "../state.js";

/** What went wrong, until it is dismissed. */
export function Problems() {
  return (
    <div role="alert" class="problems">
      {problems.value.map(({ id, doing, message }) => (
        <div key={id} class="problem">
          <p>
            <strong>{doing}:</strong> {message}
          </p>
          <button type="button" onClick={() => dismissProblem(id)} aria-label={`Dismiss: ${doing}`}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}
