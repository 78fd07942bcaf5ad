//! Processes in groups of their own: started, fed, listened to, ended.
