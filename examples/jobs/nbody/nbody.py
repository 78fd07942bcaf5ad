"""Bodies that pull each other. Plain functions; `python3 nbody.py` is the serial program."""

from math import sqrt

DT = 0.01


def same(body):
    return body


def advance(bodies, name):
    """The next state of one body, from the state of all."""
    me = bodies[name]
    ax = ay = 0.0
    for other, body in bodies.items():
        if other != name:
            dx, dy = body["x"] - me["x"], body["y"] - me["y"]
            squared = dx * dx + dy * dy + 0.01
            pull = body["mass"] / (squared * sqrt(squared))
            ax += dx * pull
            ay += dy * pull
    vx, vy = me["vx"] + ax * DT, me["vy"] + ay * DT
    return {"mass": me["mass"], "x": me["x"] + vx * DT, "y": me["y"] + vy * DT, "vx": vx, "vy": vy}


def centre(bodies):
    """The centre of mass, rounded: it should stay where it is."""
    mass = sum(body["mass"] for body in bodies.values())
    return [round(sum(body[axis] * body["mass"] for body in bodies.values()) / mass, 9) for axis in "xy"]


if __name__ == "__main__":
    import json

    state = {"0": json.load(open("bodies.json"))}
    for step in range(1, 31):
        before = state[str(step - 1)]
        state[str(step)] = {name: advance(before, name) for name in before}
    centres = {step: centre(bodies) for step, bodies in state.items() if int(step) % 10 == 0}
    print(json.dumps({"last": state["30"], "centres": centres}, indent=2))
