package demo

func jobScenes() []Scene   { return nil }
func alertScenes() []Scene { return []Scene{{As: "anna", Say: "resume"}} }
func auditScenes() []Scene { return nil }
